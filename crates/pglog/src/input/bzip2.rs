//! bzip2, read as a stream (the format as its decoder of 1.0.8 reads it, without the randomised blocks of versions before 0.9.5):
//! several streams one after the other are one, as parallel compressors write them. Each block's and each stream's check sum is
//! checked.

use std::io::{self, Read};

/// Symbols that one Huffman table serves before the next selector.
const GROUP: usize = 50;
/// Longest Huffman code, bits.
const LONGEST: usize = 20;
/// Bits of a Huffman table's direct part.
const DIRECT: u32 = 10;
const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("bzip2: {what}"))
}

/// The text of what `inner` holds compressed.
pub struct Bzip2<R> {
    bits: Bits<R>,
    /// Most bytes of a block in this stream; 0 between streams.
    most: usize,
    streams: u64,
    all_crc: u32,
    block: Block,
    is_over: bool,
}

impl<R: Read> Bzip2<R> {
    /// Nothing read yet.
    pub fn new(inner: R) -> Self {
        Self {
            bits: Bits::new(inner),
            most: 0,
            streams: 0,
            all_crc: 0,
            block: Block::default(),
            is_over: false,
        }
    }

    /// Reads up to the next block; `false`: that was the end.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            if self.most == 0 {
                if self.streams > 0 && self.bits.is_at_end()? {
                    return Ok(false);
                }
                if self.bits.take(24)? != 0x0042_5a68 {
                    return Err(bad("what follows is no bzip2 stream"));
                }
                let level = self.bits.take(8)?.wrapping_sub(u32::from(b'0')) as usize;
                if !(1..=9).contains(&level) {
                    return Err(bad("unknown block size"));
                }
                (self.most, self.all_crc) = (level * 100_000, 0);
                self.streams += 1;
            }
            let magic = (u64::from(self.bits.take(24)?) << 24) | u64::from(self.bits.take(24)?);
            let crc = (self.bits.take(16)? << 16) | self.bits.take(16)?;
            match magic {
                BLOCK => {
                    self.block.decode(&mut self.bits, self.most)?;
                    self.block.wanted_crc = crc;
                    self.all_crc = self.all_crc.rotate_left(1) ^ crc;
                    return Ok(true);
                }
                END if crc == self.all_crc => {
                    self.bits.align();
                    self.most = 0;
                }
                END => return Err(bad("wrong check sum")),
                _ => return Err(bad("no block where one should begin")),
            }
        }
    }
}

impl<R: Read> Read for Bzip2<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while !self.is_over {
            let written = self.block.write(out)?;
            if written > 0 {
                return Ok(written);
            }
            self.is_over = !self.advance()?;
        }
        Ok(0)
    }
}

/// Bits, the highest first.
struct Bits<R> {
    inner: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    held: u64,
    count: u32,
}

impl<R: Read> Bits<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: vec![0; 64 << 10].into(),
            at: 0,
            end: 0,
            held: 0,
            count: 0,
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        if self.at == self.end {
            (self.at, self.end) = (0, 0);
            while self.end == 0 {
                match self.inner.read(&mut self.buffer) {
                    Ok(0) => return Ok(None),
                    Ok(read) => self.end = read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.at += 1;
        Ok(Some(self.buffer[self.at - 1]))
    }

    /// Holds at least `wanted` bits (32 at most), as far as there are any.
    #[inline]
    fn fill(&mut self, wanted: u32) -> io::Result<()> {
        while self.count < wanted {
            let Some(byte) = self.byte()? else { break };
            self.held = (self.held << 8) | u64::from(byte);
            self.count += 8;
        }
        Ok(())
    }

    /// The next bits, 24 at most.
    #[inline]
    fn take(&mut self, wanted: u32) -> io::Result<u32> {
        self.fill(wanted)?;
        if self.count < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.count -= wanted;
        Ok(((self.held >> self.count) & ((1 << wanted) - 1)) as u32)
    }

    /// The next bits without taking them; zeros beyond the end.
    #[inline]
    fn peek(&mut self, wanted: u32) -> io::Result<u32> {
        self.fill(wanted)?;
        let bits = match self.count >= wanted {
            true => self.held >> (self.count - wanted),
            false => self.held << (wanted - self.count),
        };
        Ok((bits & ((1 << wanted) - 1)) as u32)
    }

    fn align(&mut self) {
        self.count -= self.count % 8;
    }

    fn is_at_end(&mut self) -> io::Result<bool> {
        self.fill(8)?;
        Ok(self.count == 0)
    }
}

/// A canonical Huffman code.
struct Code {
    /// By the next [`DIRECT`] bits: symbol and length; length 0: the code is longer.
    direct: Vec<(u16, u8)>,
    /// By length: codes below this are of that length, and what is taken away from one to find its symbol.
    limits: [(u32, u32); LONGEST + 1],
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Self {
        let mut symbols = Vec::with_capacity(lengths.len());
        let mut limits = [(0, 0); LONGEST + 1];
        let mut direct = vec![(0, 0); 1 << DIRECT];
        let mut code: u32 = 0;
        for (length, limit) in limits.iter_mut().enumerate().skip(1) {
            code <<= 1;
            let first = symbols.len() as u32;
            let offset = code.wrapping_sub(first);
            for (symbol, _) in lengths
                .iter()
                .enumerate()
                .filter(|(_, l)| usize::from(**l) == length)
            {
                if length <= DIRECT as usize {
                    let free = DIRECT as usize - length;
                    let from = (code as usize) << free;
                    for slot in direct.iter_mut().skip(from).take(1 << free) {
                        *slot = (symbol as u16, length as u8);
                    }
                }
                symbols.push(symbol as u16);
                code += 1;
            }
            *limit = (code, offset);
        }
        Self {
            direct,
            limits,
            symbols,
        }
    }

    #[inline]
    fn read<R: Read>(&self, bits: &mut Bits<R>) -> io::Result<usize> {
        let next = bits.peek(LONGEST as u32)?;
        let (symbol, length) = self.direct[(next >> (LONGEST as u32 - DIRECT)) as usize];
        if length > 0 {
            bits.take(u32::from(length))?;
            return Ok(usize::from(symbol));
        }
        for (length, (limit, offset)) in self.limits.iter().enumerate().skip(1) {
            let code = next >> (LONGEST - length);
            if code < *limit {
                bits.take(length as u32)?;
                let symbol = self.symbols.get(code.wrapping_sub(*offset) as usize);
                return symbol.map(|s| usize::from(*s)).ok_or_else(|| bad("unknown code"));
            }
        }
        Err(bad("unknown code"))
    }
}

/// A block that was decoded, and how much of it was written.
#[derive(Default)]
struct Block {
    /// Low byte: a byte; the others: where the next one is.
    next: Vec<u32>,
    place: u32,
    left: usize,
    /// Equal bytes seen in a row; after four the next is a count.
    run: u8,
    last: u8,
    /// How often [`Block::last`] is still to be written.
    repeat: u8,
    crc: u32,
    wanted_crc: u32,
    is_open: bool,
}

impl Block {
    fn decode<R: Read>(&mut self, bits: &mut Bits<R>, most: usize) -> io::Result<()> {
        if bits.take(1)? == 1 {
            return Err(bad("randomised blocks are not read"));
        }
        let origin = bits.take(24)? as usize;
        let mut front = used_bytes(bits)?;
        let alphabet = front.len() + 2;
        let groups = bits.take(3)? as usize;
        if front.is_empty() || !(2..=6).contains(&groups) {
            return Err(bad("broken tables"));
        }
        let selectors = selectors(bits, groups)?;
        let codes: Vec<Code> = (0..groups)
            .map(|_| lengths(bits, alphabet).map(|lengths| Code::new(&lengths)))
            .collect::<io::Result<_>>()?;
        self.next.clear();
        let mut counts = [0u32; 256];
        let (mut run, mut unit) = (0usize, 1usize);
        let mut symbols = 0;
        loop {
            let selector = selectors
                .get(symbols / GROUP)
                .ok_or_else(|| bad("too few selectors"))?;
            let symbol = codes[usize::from(*selector)].read(bits)?;
            symbols += 1;
            if symbol < 2 {
                run += unit << symbol;
                unit <<= 1;
                if run > most {
                    return Err(bad("block too long"));
                }
                continue;
            }
            if run > 0 {
                let byte = front[0];
                counts[usize::from(byte)] += run as u32;
                if self.next.len() + run > most {
                    return Err(bad("block too long"));
                }
                self.next.resize(self.next.len() + run, u32::from(byte));
                (run, unit) = (0, 1);
            }
            if symbol == alphabet - 1 {
                break;
            }
            let byte = front[symbol - 1];
            front.copy_within(..symbol - 1, 1);
            front[0] = byte;
            counts[usize::from(byte)] += 1;
            if self.next.len() == most {
                return Err(bad("block too long"));
            }
            self.next.push(u32::from(byte));
        }
        if origin >= self.next.len() {
            return Err(bad("broken block"));
        }
        self.link(&counts);
        self.place = self.next[origin] >> 8;
        (self.left, self.run, self.repeat) = (self.next.len(), 0, 0);
        (self.crc, self.is_open) = (u32::MAX, true);
        Ok(())
    }

    /// Undoes the Burrows-Wheeler transform: behind each byte the place of the one that follows.
    fn link(&mut self, counts: &[u32; 256]) {
        let mut starts = [0u32; 256];
        let mut sum = 0;
        for (start, count) in starts.iter_mut().zip(counts) {
            *start = sum;
            sum += count;
        }
        for at in 0..self.next.len() {
            let byte = (self.next[at] & 255) as usize;
            self.next[starts[byte] as usize] |= (at as u32) << 8;
            starts[byte] += 1;
        }
    }

    /// Writes what fits; 0 when the block is over.
    fn write(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < out.len() {
            if self.repeat > 0 {
                self.repeat -= 1;
                self.put(out, &mut written);
                continue;
            }
            if self.left == 0 {
                break;
            }
            let entry = self.next[self.place as usize];
            self.place = entry >> 8;
            self.left -= 1;
            let byte = (entry & 255) as u8;
            if self.run == 4 {
                (self.run, self.repeat) = (0, byte);
                continue;
            }
            self.run = if self.run > 0 && byte == self.last {
                self.run + 1
            } else {
                1
            };
            self.last = byte;
            self.put(out, &mut written);
        }
        if written == 0 && self.is_open {
            self.is_open = false;
            if !self.crc != self.wanted_crc {
                return Err(bad("wrong check sum"));
            }
        }
        Ok(written)
    }

    #[inline]
    fn put(&mut self, out: &mut [u8], written: &mut usize) {
        out[*written] = self.last;
        *written += 1;
        self.crc = (self.crc << 8) ^ CRC[((self.crc >> 24) as u8 ^ self.last) as usize];
    }
}

/// CRC-32 with the highest bit first.
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn used_bytes<R: Read>(bits: &mut Bits<R>) -> io::Result<Vec<u8>> {
    let sixteens = bits.take(16)?;
    let mut used = Vec::with_capacity(256);
    for high in 0..16u8 {
        if sixteens >> (15 - high) & 1 == 1 {
            let map = bits.take(16)?;
            used.extend(
                (0..16u8)
                    .filter(|low| map >> (15 - low) & 1 == 1)
                    .map(|low| high << 4 | low),
            );
        }
    }
    Ok(used)
}

fn selectors<R: Read>(bits: &mut Bits<R>, groups: usize) -> io::Result<Vec<u8>> {
    let count = bits.take(15)? as usize;
    let mut front: Vec<u8> = (0..groups as u8).collect();
    let mut selectors = Vec::with_capacity(count);
    for _ in 0..count {
        let mut place = 0;
        while bits.take(1)? == 1 {
            place += 1;
            if place == groups {
                return Err(bad("broken selectors"));
            }
        }
        front[..=place].rotate_right(1);
        selectors.push(front[0]);
    }
    Ok(selectors)
}

fn lengths<R: Read>(bits: &mut Bits<R>, alphabet: usize) -> io::Result<Vec<u8>> {
    let mut length = bits.take(5)? as i32;
    let mut lengths = Vec::with_capacity(alphabet);
    for _ in 0..alphabet {
        while bits.take(1)? == 1 {
            length += 1 - 2 * bits.take(1)? as i32;
            if !(1..=LONGEST as i32).contains(&length) {
                return Err(bad("broken code"));
            }
        }
        if !(1..=LONGEST as i32).contains(&length) {
            return Err(bad("broken code"));
        }
        lengths.push(length as u8);
    }
    Ok(lengths)
}
