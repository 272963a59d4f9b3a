//! Counts auto_explain's plans, and executions of which nothing else is logged.

use super::{Execution, Fold};
use crate::event::{Event, Parsed};
use crate::message::plan::Plan;

impl Fold {
    pub(super) fn plan(&mut self, chunk: &Parsed, event: &Event, who: [u32; 4], plan: &Plan) {
        let Some(statement) = &plan.statement else {
            self.totals.events.plans.not_read += 1;
            return;
        };
        let fingerprint = chunk.statements[statement.statement as usize].fingerprint;
        self.keep_text(plan.shape, plan.outline.as_deref());
        let plans = &mut self.totals.events.plans;
        plans.read += 1;
        let of = plans.statements.of(&fingerprint);
        of.time.add(plan.micros);
        if let Some(rows) = plan.rows {
            of.rows.add(rows);
        }
        let shape = of.shapes.of(&plan.shape);
        shape.time.add(plan.micros);
        if shape.outline.is_empty() {
            shape.outline = self.texts.get(&plan.shape).cloned().unwrap_or_default();
        }
        for node in &plan.nodes {
            let rows = node.all_rows().unwrap_or(0);
            plans.nodes.of(&node.kind.into()).add(rows);
            if let Some(relation) = node.relation.as_ref().filter(|_| node.kind == "Seq Scan") {
                plans.seq_scans.of(relation).add(rows);
            }
            if node.is_far_off() {
                let far_off = plans.statements.of(&fingerprint).far_off.of(&node.label);
                far_off.count += 1;
                far_off.estimated = node.estimated;
                far_off.actual = node.hundredths.unwrap_or(0) / 100;
            }
        }
        let names = self.names(who);
        let planned = Planned {
            fingerprint,
            values: statement.values,
            at: event.at,
            micros: plan.micros,
            pid: event.pid,
            names,
        };
        let before = self.session(event).planned(planned);
        self.count_planned(event.session, before);
    }

    /// Counts executions of which nothing but their plans is logged.
    pub(super) fn count_planned(&mut self, session: u64, planned: Vec<Planned>) {
        for planned in planned {
            let who: [u32; 4] = std::array::from_fn(|i| {
                self.totals.dimensions[i]
                    .names
                    .number(planned.names[i].as_bytes())
            });
            let execution = Execution {
                fingerprint: planned.fingerprint,
                caller: [who[0], who[1], who[2]],
                at: planned.at,
                pid: planned.pid,
                parts: [0, 0, planned.micros],
                values: planned.values,
            };
            self.totals.events.plans.executions += 1;
            self.sessions.get(session, planned.at, planned.pid);
            self.executed(&Parsed::default(), &execution, None, who);
        }
    }
}

/// An execution of which only the plan is logged, as far as is known.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Planned {
    pub fingerprint: u64,
    pub values: u64,
    pub at: i64,
    pub micros: u64,
    pub pid: u32,
    /// Application, user, database and host.
    pub names: [Box<str>; 4],
}
