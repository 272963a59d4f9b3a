//! One person's way through a journey.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::{sleep_until, timeout};

use super::Counted;
use super::plan::Prepared;
use super::request::{Making, Request};
use super::sample;
use super::send::{Answer, How, Lines, Traffic};
use super::thread::Desk;
use crate::client::reply::Place;
use crate::client::{Buffers, Trouble};
use crate::measure::Sample;
use crate::person::check::check_all;
use crate::person::extract::extract;
use crate::person::form::{Filled, fill};
use crate::person::persona::{self, PersonaState};
use crate::scenario::{Dice, Journey, Step, Template, Think, Values};

/// What became of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Finished,
    Failed,
    Left,
}

/// When a request is due, and when it could begin: see [`Sample`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) due: Instant,
    pub(super) ready: Instant,
}

/// A step that went well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    end: Instant,
    /// The step's `until` matched.
    until: bool,
}

/// A step that did not, and was counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountedFailure;

/// A request that is under way. Should the run end before it does, it counts as failed, with the time that it had taken
/// by then: a target that hangs must not look as if nobody had asked it.
struct Open<'d> {
    desk: &'d Desk,
    row: u16,
    turn: Turn,
    start: Instant,
}

impl Open<'_> {
    /// It was answered, or failed.
    fn over(self) {
        std::mem::forget(self);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let end = Instant::now();
        let sample = Sample {
            due: self.turn.due,
            ready: self.turn.ready,
            start: self.start,
            connect: None,
            first_byte: None,
            transfer: None,
            end,
            bytes_out: 0,
            bytes_in: 0,
            failed: true,
        };
        self.desk.record(|recorder| {
            recorder.request(self.row, &sample);
            recorder.failure(
                self.row,
                "no reply by the end of the run".into(),
                end,
                String::new,
            );
        });
    }
}

/// One virtual person.
pub(super) struct Person {
    desk: Rc<Desk>,
    persona: PersonaState,
    dice: Dice,
    values: Values,
    lines: Lines,
    journey: usize,
    /// The page that the person is on.
    page: Option<Place>,
    /// The form that the next filling step sends, or why there is none; filled when its page came.
    filled: Option<Result<Filled, String>>,
}

impl Person {
    /// The person with this number, who has this row of the data file; both are counted from 0.
    pub(super) fn new(desk: &Rc<Desk>, number: u64, row: u64) -> Self {
        let shared = &desk.shared;
        let persona = PersonaState::new(&shared.scenario.persona, number + 1);
        let mut dice = persona::dice(shared.scenario.persona.seed, number + 1);
        let mut texts = vec![None; shared.scenario.slots.len()];
        if let Some(people) = &shared.people {
            let row = people.row((row % people.len() as u64) as usize);
            for (slot, text) in texts.iter_mut().zip(row) {
                *slot = Some(text.into());
            }
        }
        Self {
            journey: shared.plan.journey(dice.f64()),
            desk: Rc::clone(desk),
            persona,
            dice,
            values: Values {
                texts,
                person: number + 1,
                n: 1,
            },
            lines: Lines::new(number),
            page: None,
            filled: None,
        }
    }

    /// Another number for the next request.
    pub(super) fn number(&mut self, person: u64) {
        self.values.person = person;
    }

    /// Goes the whole way; who leaves half way and resumes goes it again, with an empty jar and new connections.
    pub(super) async fn visit(mut self, due: Instant) -> End {
        let desk = Rc::clone(&self.desk);
        let scenario = &desk.shared.scenario;
        let journey = &scenario.journeys[self.journey];
        let total = journey.steps.iter().map(|s| s.repeat).sum();
        let leaves = self.persona.leaves_at(total);
        let end = self.go(journey, due, leaves).await;
        if end != End::Left || !self.persona.resumes() {
            return end;
        }
        self.lines.begin_again();
        self.page = None;
        self.filled = None;
        for text in &mut self.values.texts[scenario.columns.len()..] {
            *text = None;
        }
        let due = Instant::now() + scenario.persona.resume_after;
        self.go(journey, due, None).await
    }

    async fn go(&mut self, journey: &Journey, due: Instant, leaves: Option<u32>) -> End {
        let mut before = due;
        let mut done = 0;
        for (index, step) in journey.steps.iter().enumerate() {
            for n in 1..=step.repeat {
                if leaves == Some(done) {
                    return End::Left;
                }
                self.values.n = n;
                let filled = match step.fill.as_ref().and_then(|_| self.filled.take()) {
                    Some(Err(cause)) => {
                        self.not_even_begun(index, before, cause);
                        return End::Failed;
                    }
                    Some(Ok(filled)) => Some(filled),
                    None => None,
                };
                let again = filled.clone().filter(|_| self.persona.goes_back(&mut self.dice));
                let page = self.page.clone().filter(|_| again.is_some());
                let Ok(mut went) = self.think_and_step(index, step.think, before, filled).await else {
                    return End::Failed;
                };
                if again.is_some() {
                    self.page = page;
                    let Ok(once_more) = self.think_and_step(index, step.think, went.end, again).await else {
                        return End::Failed;
                    };
                    went = once_more;
                }
                before = went.end;
                done += 1;
                if went.until {
                    break;
                }
            }
        }
        End::Finished
    }

    async fn think_and_step(
        &mut self,
        index: usize,
        think: Think,
        before: Instant,
        filled: Option<Filled>,
    ) -> Result<Done, CountedFailure> {
        let due = before + pause(think, &mut self.dice);
        if due > Instant::now() {
            sleep_until(due.into()).await;
        }
        self.step(index, Turn { due, ready: due }, filled).await
    }

    /// Sends one step's request, looks at the reply and counts both.
    ///
    /// # Errors
    /// When it failed, which is counted already.
    pub(super) async fn step(
        &mut self,
        index: usize,
        turn: Turn,
        filled: Option<Filled>,
    ) -> Result<Done, CountedFailure> {
        let desk = Rc::clone(&self.desk);
        let step = &desk.shared.scenario.journeys[self.journey].steps[index];
        let prepared = &desk.shared.plan.steps[self.journey][index];
        let start = Instant::now();
        let open = Open {
            desk: &desk,
            row: prepared.row,
            turn,
            start,
        };
        let mut traffic = Traffic::default();
        let (request, sent) = match self.make(step, prepared, filled.as_ref()) {
            Ok(request) => {
                let sent = self.send(&desk, step, prepared, &request, &mut traffic).await;
                (Some(request), sent.map_err(|trouble| trouble.cause()))
            }
            Err(cause) => (None, Err(cause)),
        };
        open.over();
        let end = Instant::now();
        let mut sample = Sample {
            due: turn.due,
            ready: turn.ready,
            start,
            connect: None,
            first_byte: None,
            transfer: None,
            end,
            bytes_out: traffic.bytes_out,
            bytes_in: traffic.bytes_in,
            failed: false,
        };
        let looked = match sent {
            Ok(answer) => {
                sample.connect = answer.connect;
                sample.first_byte = Some(answer.first_byte);
                sample.transfer = Some(answer.transfer);
                let looked = self.look(index, step, &answer);
                looked
                    .map_err(|cause| (cause, Some(answer.buffers)))
                    .map(|until| (until, answer.place))
            }
            Err(cause) => Err((cause, None)),
        };
        sample.failed = looked.is_err();
        desk.record(|recorder| {
            recorder.request(prepared.row, &sample);
            if let Err((cause, buffers)) = &looked {
                recorder.failure(prepared.row, cause.clone(), end, || {
                    self.sample(request.as_ref(), buffers.as_deref())
                });
            }
        });
        match looked {
            Ok((until, place)) => {
                self.page = Some(place);
                if !step.assets.is_empty() {
                    self.assets(&desk, step, prepared).await;
                }
                Ok(Done { end, until })
            }
            Err((_, buffers)) => {
                if let Some(buffers) = buffers {
                    buffers.give_back();
                }
                Err(CountedFailure)
            }
        }
    }

    fn make(&mut self, step: &Step, prepared: &Prepared, filled: Option<&Filled>) -> Result<Request, String> {
        let desk = Rc::clone(&self.desk);
        let slots = &desk.shared.scenario.slots;
        for (slot, template) in &step.set {
            let text = self.text(template)?;
            self.values.texts[*slot] = Some(text.into());
        }
        let making = Making {
            step,
            prepared,
            values: &self.values,
            target: &desk.shared.plan.target,
            page: self.page.as_ref(),
            filled,
            slots,
        };
        making.request(&mut self.dice)
    }

    async fn send(
        &mut self,
        desk: &Desk,
        step: &Step,
        prepared: &Prepared,
        request: &Request,
        traffic: &mut Traffic,
    ) -> Result<Answer, Trouble> {
        let gauges = &desk.shared.gauges;
        let _in_flight = Counted::new(&gauges.in_flight, &gauges.most_in_flight);
        let twice = request.body.is_some() && self.persona.double_clicks(&mut self.dice);
        let how = How {
            follow: step.follow,
            twice,
            decode: prepared.reads_body,
        };
        let limit = desk.shared.time_out;
        match timeout(limit, self.lines.send(desk, request.clone(), how, traffic)).await {
            Ok(sent) => sent,
            Err(_) => {
                // What was under way on a connection is not for the next request.
                Err(Trouble::TimeOut(limit))
            }
        }
    }

    /// Takes out what is to be extracted, checks what is to be checked, notes what was acknowledged and fills the form
    /// of the next page. Returns whether the step's `until` matches.
    fn look(&mut self, index: usize, step: &Step, answer: &Answer) -> Result<bool, String> {
        let desk = Rc::clone(&self.desk);
        let reply = &answer.buffers.reply;
        check_all(&step.checks, reply, |template| self.text(template))?;
        for wanted in &step.extract {
            let value = extract(&wanted.source, reply, |name| {
                self.lines.cookie(&answer.place, name)
            })?;
            self.values.texts[wanted.slot] = Some(value.into());
        }
        if !step.acknowledge.is_empty() && reply.status < 400 {
            self.acknowledge(&desk, index, step)?;
        }
        let until = step
            .until_path
            .as_ref()
            .is_some_and(|until| until.is_match(reply.path.as_bytes()));
        self.fill_next(index, step, until, &answer.buffers);
        Ok(until)
    }

    fn acknowledge(&mut self, desk: &Desk, index: usize, step: &Step) -> Result<(), String> {
        let at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_micros() as i64);
        let plan = &desk.shared.plan;
        let label = &plan.labels[usize::from(plan.steps[self.journey][index].row)];
        desk.acknowledge(|sink| {
            let mut line = sink.line(at, label);
            let mut text = String::new();
            for (name, template) in &step.acknowledge {
                text.clear();
                render(
                    template,
                    &self.values,
                    &mut self.dice,
                    &desk.shared.scenario.slots,
                    &mut text,
                )?;
                line.field(name, &text);
            }
            line.end();
            Ok(())
        })
        .unwrap_or(Ok(()))
    }

    /// Fills the form for the next step that fills one, when this page has it.
    fn fill_next(&mut self, index: usize, step: &Step, until: bool, buffers: &Buffers) {
        let desk = Rc::clone(&self.desk);
        if !desk.shared.plan.steps[self.journey][index].fills_later {
            return;
        }
        let steps = &desk.shared.scenario.journeys[self.journey].steps;
        let again = !until && self.values.n < step.repeat;
        let next = if again { index } else { index + 1 };
        let Some((at, wanted)) = (next..steps.len()).find_map(|at| Some((at, steps[at].fill.as_ref()?)))
        else {
            return;
        };
        let filled = fill(&buffers.reply.body, wanted, &[], &self.persona, &mut self.dice);
        // A page without the form, before the step that needs one, is no failure: the form may have come earlier.
        if filled.is_ok() || at == next {
            self.filled = Some(filled);
        }
    }

    async fn assets(&mut self, desk: &Desk, step: &Step, prepared: &Prepared) {
        let target = &desk.shared.plan.target;
        let here = Place {
            origin: target.clone(),
            path: "/".into(),
        };
        let paths = step
            .assets
            .iter()
            .filter_map(|asset| here.join(&self.text(asset).ok()?))
            .collect::<Vec<_>>();
        let requests = paths
            .into_iter()
            .map(|place| Request {
                method: "GET".into(),
                place,
                headers: prepared.headers.clone(),
                body: None,
            })
            .collect();
        let due = Instant::now();
        let row = prepared.assets_row;
        let fetched = self
            .lines
            .fetch_all(desk, requests, |request, start, traffic, told| {
                let end = Instant::now();
                let cause = match &told {
                    Ok((status, ..)) if *status < 400 => None,
                    Ok((status, ..)) => Some(format!("status {status}")),
                    Err(trouble) => Some(trouble.cause()),
                };
                let exchanged = told.as_ref().ok();
                let sample = Sample {
                    due,
                    ready: start,
                    start,
                    connect: exchanged.and_then(|(_, _, connect)| *connect),
                    first_byte: exchanged.map(|(_, e, _)| e.first.saturating_duration_since(e.started)),
                    transfer: exchanged.map(|(_, e, _)| e.last.saturating_duration_since(e.first)),
                    end,
                    bytes_out: traffic.bytes_out,
                    bytes_in: traffic.bytes_in,
                    failed: cause.is_some(),
                };
                desk.record(|recorder| {
                    recorder.request(row, &sample);
                    if let Some(cause) = cause {
                        recorder.failure(row, cause, end, || {
                            format!("GET {}", sample::path(&request.place.path))
                        });
                    }
                });
            });
        if timeout(desk.shared.time_out, fetched).await.is_err() {
            let cause = Trouble::TimeOut(desk.shared.time_out).cause();
            desk.record(|recorder| {
                recorder.failure(row, cause, Instant::now(), || "assets of a page".into())
            });
        }
    }

    /// A step that could not even be sent, because the page before had not what it needs.
    fn not_even_begun(&mut self, index: usize, at: Instant, cause: String) {
        let row = self.desk.shared.plan.steps[self.journey][index].row;
        let page = self
            .page
            .as_ref()
            .map(|p| sample::path(&p.path).to_owned())
            .unwrap_or_default();
        self.desk
            .record(|recorder| recorder.failure(row, cause, at, || format!("on the page {page}")));
    }

    fn sample(&self, request: Option<&Request>, buffers: Option<&Buffers>) -> String {
        sample::sample(request, buffers.map(|b| &b.reply), &self.values)
    }

    fn text(&mut self, template: &Template) -> Result<String, String> {
        let mut out = String::new();
        render(
            template,
            &self.values,
            &mut self.dice,
            &self.desk.shared.scenario.slots,
            &mut out,
        )?;
        Ok(out)
    }
}

fn render(
    template: &Template,
    values: &Values,
    dice: &mut Dice,
    slots: &[String],
    out: &mut String,
) -> Result<(), String> {
    template
        .render(values, dice, out)
        .map_err(|missing| format!("${{{}}} has no value", slots[missing.0]))
}

fn pause(think: Think, dice: &mut Dice) -> Duration {
    if think.spread.is_zero() {
        return think.mean;
    }
    think.mean - think.spread + (think.spread * 2).mul_f64(dice.f64())
}
