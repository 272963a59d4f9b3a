//! One event loop: lets its share of the people in when they are due, and waits until they are through.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::sleep_until;

use super::visit::{End, Person, Turn};
use super::{Counted, Mode, Schedule, Shared};
use crate::acknowledged::Sink;
use crate::live::Phase;
use crate::measure::Recorder;

/// What the people of one thread share.
pub(super) struct Desk {
    pub(super) shared: Arc<Shared>,
    index: usize,
    sink: RefCell<Option<Sink>>,
    under_way: Cell<usize>,
    nobody: Notify,
}

/// People let in before others get a turn, when many are due at once.
const AT_ONCE: u64 = 32;
/// How often what was acknowledged is handed to the disk.
const FLUSH: Duration = Duration::from_secs(1);

/// Runs until everybody is through, or until the phase is [`Phase::Ended`].
pub(super) fn run(
    runtime: &Runtime,
    shared: &Arc<Shared>,
    index: usize,
    mut phases: watch::Receiver<Phase>,
    sink: Option<Sink>,
) {
    let desk = Rc::new(Desk {
        shared: Arc::clone(shared),
        index,
        sink: RefCell::new(sink),
        under_way: Cell::new(0),
        nobody: Notify::new(),
    });
    let local = LocalSet::new();
    let mut ending = phases.clone();
    local.block_on(runtime, async {
        tokio::select! {
            () = desk.let_in(&mut phases) => {}
            _ = ending.wait_for(|phase| *phase == Phase::Ended) => {}
            () = desk.flush_now_and_then() => {}
        }
    });
}

impl Desk {
    /// Changes this thread's figures.
    pub(super) fn record<T>(&self, change: impl FnOnce(&mut Recorder) -> T) -> T {
        let mut recorder = self.shared.recorders[self.index]
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut recorder)
    }

    /// The file for what was acknowledged, if there is one.
    pub(super) fn acknowledge<T>(&self, write: impl FnOnce(&mut Sink) -> T) -> Option<T> {
        self.sink.borrow_mut().as_mut().map(write)
    }

    async fn flush_now_and_then(self: &Rc<Self>) {
        loop {
            sleep_until((Instant::now() + FLUSH).into()).await;
            self.acknowledge(Sink::flush);
        }
    }

    async fn let_in(self: &Rc<Self>, phases: &mut watch::Receiver<Phase>) {
        match &self.shared.mode {
            Mode::Open(schedule) => self.open(schedule, phases).await,
            Mode::Closed { users, times, length } => self.closed(*users, *times, *length, phases),
            Mode::Requests {
                per_second,
                connections,
                length,
            } => {
                self.requests(*per_second, *connections, *length, phases);
            }
        }
        while self.under_way.get() > 0 {
            self.nobody.notified().await;
        }
    }

    /// This thread's share of something that is counted from 0.
    fn share(&self, all: u64) -> impl Iterator<Item = u64> {
        (self.index as u64..all).step_by(self.shared.recorders.len())
    }

    async fn open(self: &Rc<Self>, schedule: &Schedule, phases: &mut watch::Receiver<Phase>) {
        let mut let_in = 0;
        for person in self.share(schedule.people) {
            let due = self.shared.zero + (schedule.due)(person);
            if due > Instant::now() {
                tokio::select! {
                    biased;
                    _ = phases.wait_for(|phase| *phase != Phase::Arrivals) => return,
                    () = sleep_until(due.into()) => {}
                }
            } else if *phases.borrow() != Phase::Arrivals {
                return;
            }
            self.spawn(|desk| async move {
                visit(&desk, person, person, due).await;
            });
            let_in += 1;
            if let_in % AT_ONCE == 0 {
                yield_now().await;
            }
        }
    }

    fn closed(
        self: &Rc<Self>,
        users: u64,
        times: Option<u64>,
        length: Option<Duration>,
        phases: &watch::Receiver<Phase>,
    ) {
        for user in self.share(users) {
            let phases = phases.clone();
            self.spawn(move |desk| async move {
                let zero = desk.shared.zero;
                sleep_until(zero.into()).await;
                for time in 0..times.unwrap_or(u64::MAX) {
                    let over = length.is_some_and(|length| zero.elapsed() >= length);
                    if over || *phases.borrow() != Phase::Arrivals {
                        return;
                    }
                    let due = if time == 0 { zero } else { Instant::now() };
                    visit(&desk, user + time * users, user, due).await;
                    // A journey without any pause must not keep the others from their turn.
                    yield_now().await;
                }
            });
        }
    }

    fn requests(
        self: &Rc<Self>,
        per_second: Option<f64>,
        connections: u64,
        length: Duration,
        phases: &watch::Receiver<Phase>,
    ) {
        let next = Rc::new(Cell::new(self.index as u64));
        for connection in self.share(connections) {
            let (next, phases) = (Rc::clone(&next), phases.clone());
            self.spawn(move |desk| async move {
                let shared = &desk.shared;
                sleep_until(shared.zero.into()).await;
                let mut person = Person::new(&desk, connection, 0);
                let mut free = shared.zero;
                loop {
                    let slot = next.replace(next.get() + shared.recorders.len() as u64);
                    let due = match per_second {
                        Some(rate) => shared.zero + Duration::from_secs_f64(slot as f64 / rate),
                        None => free,
                    };
                    if due >= shared.zero + length || *phases.borrow() != Phase::Arrivals {
                        return;
                    }
                    if due > free {
                        sleep_until(due.into()).await;
                    }
                    person.number(slot + 1);
                    // A failure is counted; the next request is due all the same.
                    let _ = person
                        .step(
                            0,
                            Turn {
                                due,
                                ready: due.max(free),
                            },
                            None,
                        )
                        .await;
                    free = Instant::now();
                }
            });
        }
    }

    fn spawn<F: Future<Output = ()> + 'static>(self: &Rc<Self>, work: impl FnOnce(Rc<Self>) -> F) {
        let guard = UnderWay::new(self);
        let work = work(Rc::clone(self));
        spawn_local(async move {
            let _guard = guard;
            work.await;
        });
    }
}

/// One person, from arrival to end. `number` and `row` are counted from 0.
async fn visit(desk: &Rc<Desk>, number: u64, row: u64, due: Instant) {
    let gauges = &desk.shared.gauges;
    let _there = Counted::new(&gauges.people, &gauges.most_people);
    desk.record(|recorder| recorder.arrival(due, Instant::now()));
    let end = Person::new(desk, number, row).visit(due).await;
    desk.record(|recorder| match end {
        End::Finished => recorder.finished(Instant::now()),
        End::Failed => recorder.people.failed += 1,
        End::Left => recorder.people.left += 1,
    });
}

/// Counts a task until it is over, however it ends.
struct UnderWay(Rc<Desk>);

impl UnderWay {
    fn new(desk: &Rc<Desk>) -> Self {
        desk.under_way.set(desk.under_way.get() + 1);
        Self(Rc::clone(desk))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        if self.0.under_way.get() == 0 {
            self.0.nobody.notify_one();
        }
    }
}
