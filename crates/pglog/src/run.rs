//! Reads logs: one thread reads ahead, as many as asked for parse, and one folds in the order of the log.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::event::Parsed;
use crate::fold::Fold;
use crate::input::{Chunk, Source};
use crate::parse::{Format, Memory};

/// What was read of one source.
#[derive(Debug, Clone, Default)]
pub struct ReadOf {
    /// Bytes.
    pub bytes: u64,
    /// Bytes of a last record that was not all there.
    pub cut: u64,
    /// Why reading ended before the end.
    pub failed: Option<String>,
    /// The first and the last time in it, µs since 1970 UTC.
    pub period: Option<(i64, i64)>,
}

/// Reads a source to its end with so many threads, into `fold`.
pub fn read(source: &mut Source, fold: &mut Fold, threads: usize, memories: &mut Vec<Memory>) -> ReadOf {
    memories.resize_with(threads.max(memories.len()), Memory::default);
    let mut period = None;
    let spare = source.spare();
    let mut add = |mut parsed: Parsed| {
        for event in &parsed.events {
            let (first, last) = period.get_or_insert((event.at, event.at));
            (*first, *last) = ((*first).min(event.at), (*last).max(event.at));
        }
        fold.add(&mut parsed);
        spare.give(parsed.bytes);
    };
    let failed = match threads {
        0 | 1 => alone(source, &mut add, &mut memories[0]),
        _ => together(source, &mut add, &mut memories[..threads]),
    };
    add(Parsed {
        counts: source.seen(),
        ..Parsed::default()
    });
    ReadOf {
        period,
        bytes: source.read,
        cut: source.cut,
        failed,
    }
}

fn parse(format: &Format, chunk: Chunk, memory: &mut Memory) -> Parsed {
    let mut parsed = format.parse(chunk.bytes, memory);
    parsed.counts.too_long += u64::from(chunk.too_long);
    if let Some(at) = &mut parsed.counts.first_bad {
        *at += chunk.at;
    }
    parsed
}

fn alone(source: &mut Source, add: &mut impl FnMut(Parsed), memory: &mut Memory) -> Option<String> {
    let format = source.format.clone();
    loop {
        match source.next_chunk() {
            Ok(Some(chunk)) => add(parse(&format, chunk, memory)),
            Ok(None) => return None,
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// One thread reads ahead, `memories.len()` parse, and this one adds up: none of them waits for another while there is work.
fn together(source: &mut Source, add: &mut impl FnMut(Parsed), memories: &mut [Memory]) -> Option<String> {
    let format = source.format.clone();
    let room = memories.len() * 2;
    thread::scope(|scope| {
        let (hand_out, chunks) = sync_channel(room);
        let (send, receive) = sync_channel(room);
        let reader = scope.spawn(move || read_ahead(source, &hand_out));
        let chunks = Arc::new(Mutex::new(chunks));
        for memory in memories.iter_mut() {
            let (chunks, send, format) = (chunks.clone(), send.clone(), &format);
            scope.spawn(move || work(&chunks, format, memory, &send));
        }
        drop((chunks, send));
        // Few wait here: while one chunk is parsed, which may be 16 MiB, others come by.
        let mut waiting: BTreeMap<u64, Parsed> = BTreeMap::new();
        let mut next = 0;
        for (number, parsed) in receive {
            waiting.insert(number, parsed);
            while let Some(parsed) = waiting.remove(&next) {
                add(parsed);
                next += 1;
            }
        }
        reader
            .join()
            .unwrap_or_else(|_| Some("reading ended unexpectedly".to_owned()))
    })
}

/// Hands chunks out, with their numbers. Why reading ended before the end of the log.
fn read_ahead(source: &mut Source, hand_out: &SyncSender<(u64, Chunk)>) -> Option<String> {
    for number in 0.. {
        match source.next_chunk() {
            Ok(Some(chunk)) => hand_out.send((number, chunk)).ok()?,
            Ok(None) => break,
            Err(error) => return Some(error.to_string()),
        }
    }
    None
}

fn work(
    chunks: &Mutex<Receiver<(u64, Chunk)>>,
    format: &Format,
    memory: &mut Memory,
    send: &SyncSender<(u64, Parsed)>,
) {
    loop {
        let taken = chunks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, chunk)) = taken else { return };
        if send.send((number, parse(format, chunk, memory))).is_err() {
            return;
        }
    }
}
