//! What a sandbox occupies: its own process, and its Envoys.

use anyhow::{Context as _, Result};

/// Resident memory in MB.
pub(crate) struct Memory {
    pub(crate) sandbox: f64,
    /// By process, ascending.
    proxies: Vec<f64>,
}

impl Memory {
    /// Of the sandbox with this process id.
    pub(crate) fn of(sandbox: u32) -> Result<Self> {
        let mut proxies: Vec<f64> =
            envoys(sandbox)?.into_iter().filter_map(|pid| resident_mb(pid).ok()).collect();
        proxies.sort_by(f64::total_cmp);
        Ok(Self { sandbox: resident_mb(sandbox)?, proxies })
    }

    pub(crate) fn text(&self) -> String {
        let all: f64 = self.proxies.iter().sum();
        format!("sandbox {:.0} MB, {} Envoys {all:.0} MB", self.sandbox, self.proxies.len())
    }

    pub(crate) fn per_pod(&self, pods: usize) -> String {
        let middle = crate::median(self.proxies.clone());
        let own = self.sandbox / pods as f64;
        format!(
            "Envoy {middle:.1} MB (median; largest {:.1} MB), the sandbox's own process {own:.1} MB",
            self.proxies.last().unwrap_or(&0.0)
        )
    }
}

/// Children of a process that are Envoys, by process id.
pub(crate) fn envoys(parent: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        // It may have ended meanwhile.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((name, rest)) = stat.split_once(") ") else { continue };
        let is_child = rest.split(' ').nth(1) == Some(&parent.to_string());
        if name.ends_with("(envoy") && is_child {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Of one process.
pub(crate) fn resident_mb(pid: u32) -> Result<f64> {
    megabytes(pid, "VmRSS:")
}

/// Of one process when it had most.
pub(crate) fn highest_mb(pid: u32) -> Result<f64> {
    megabytes(pid, "VmHWM:")
}

fn megabytes(pid: u32, what: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(what)).with_context(|| format!("no {what}"))?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse::<f64>()? / 1024.0)
}
