use std::fs;
use std::path::Path;

/// What this machine gives us: the numbers from which settings are sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Cores this process may use (affinity and cgroup quota respected).
    pub cores: u64,
    /// Bytes of memory: the least of the machine's and of every cgroup limit above us.
    pub memory: u64,
}

/// Taken when /proc/meminfo cannot be read: small enough to be safe anywhere.
const MEMORY_UNKNOWN: u64 = 1 << 30;

impl Machine {
    /// Measures this machine.
    pub fn here() -> Machine {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let total = fs::read_to_string("/proc/meminfo")
            .ok()
            .and_then(|text| mem_total(&text));
        let limits = cgroup_limits();
        let memory = total.into_iter().chain(limits).min().unwrap_or(MEMORY_UNKNOWN);
        Machine { cores, memory }
    }
}

fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The memory limits of our cgroup and of each above it, version 1 and 2; "max" (none) does not parse.
fn cgroup_limits() -> Vec<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            c if c.split(',').any(|c| c == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let path = path.trim_start_matches('/');
        for group in Path::new(root)
            .join(path)
            .ancestors()
            .take_while(|group| group.starts_with(root))
        {
            let limit = fs::read_to_string(group.join(file)).unwrap_or_default();
            limits.extend(limit.trim().parse::<u64>());
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_memory_is_read_from_meminfo() {
        let text = "MemTotal:       24684084 kB\nMemFree:        23048588 kB\n";
        assert_eq!(mem_total(text), Some(24_684_084 * 1024));
        assert_eq!(mem_total("MemFree: 1 kB"), None);
    }

    #[test]
    fn this_machine_has_cores_and_memory() {
        let machine = Machine::here();
        assert!(machine.cores >= 1);
        assert!(machine.memory >= 64 << 20, "{machine:?}");
    }
}
