//! A pool's part in a hand-over: the servers that go, the servers that come.

use std::sync::atomic::Ordering;

use super::{Pool, Seat, Terms};
use crate::hub::Hub;
use crate::server::{Server, ServerState};
use crate::takeover::Parcel;

impl Terms {
    /// What servers depend on that are opened under these terms: what was opened under other words is of no use.
    pub(crate) fn origin(&self) -> String {
        format!(
            "{:?} {} {:?} {:?} {:?} {:?}",
            self.hosts,
            self.port,
            self.server_database,
            self.server_user,
            self.server_parameters,
            self.connect_query
        )
    }
}

impl Pool {
    /// False for a server that RECONNECT makes leave.
    pub(crate) fn is_current(&self, server: &Server) -> bool {
        server.generation == self.generation.load(Ordering::Relaxed)
    }

    /// The generation of servers that are opened now.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Packs the servers that nobody uses, as far as they can go. They stay where they are, and nobody gets them as long
    /// as the gate is shut.
    pub(crate) fn pack_idle(&self, hub: &Hub) -> Vec<Parcel> {
        let Some(me) = self.me.upgrade() else {
            return Vec::new();
        };
        let inner = self.lock();
        let idle = inner.idle.iter().flatten();
        idle.filter(|server| server.is_clean() && !server.info.is_being_cancelled())
            .filter_map(|server| Parcel::of_idle(server, &me, &hub.tracked).ok())
            .collect()
    }

    /// A place for a server that is open already, whatever the limits say.
    pub(crate) fn seat_for(&self, hub: &Hub, id: u64) -> Seat {
        hub.census.admit(self);
        self.lock().live += 1;
        let mut seat = Seat::new(&self.me);
        seat.belongs_to(id);
        seat
    }

    /// Counts a server among the members.
    pub(crate) fn enlist(&self, server: &Server) {
        self.lock().members.insert(server.info.id, server.info.clone());
    }

    /// Keeps a server that nobody uses.
    pub(crate) fn keep_idle(&self, server: Box<Server>) {
        server.info.set_state(ServerState::Idle);
        let home = server.home;
        self.lock().idle[home].push_back(server);
    }
}
