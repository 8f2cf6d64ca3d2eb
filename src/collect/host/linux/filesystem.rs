//! Space and inodes per mounted file system. Which ones are asked, and how their answers become samples; the asking
//! itself is in [`super::statfs`].

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use super::super::error::HostError;
use super::super::settings::admits;
use super::super::state::State;
use super::statfs::{Answer, Usage};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Size of the file system.
    SIZE = gauge "host_filesystem_size_bytes" [device mountpoint fstype], Bytes, "statfs(2)";
    /// Free space, including what is reserved for root.
    FREE = gauge "host_filesystem_free_bytes" [device mountpoint fstype], Bytes, "statfs(2)";
    /// Free space that is not reserved.
    AVAIL = gauge "host_filesystem_avail_bytes" [device mountpoint fstype], Bytes, "statfs(2)";
    /// Inodes; 0 where the file system has none to run out of.
    FILES = gauge "host_filesystem_files" [device mountpoint fstype], Count, "statfs(2)";
    /// Free inodes.
    FILES_FREE = gauge "host_filesystem_files_free" [device mountpoint fstype], Count, "statfs(2)";
    /// 1 when mounted read-only.
    READONLY = gauge "host_filesystem_readonly" [device mountpoint fstype], Bool, "/proc/1/mounts";
    /// 1 when the file system did not answer, or answered with an error.
    DEVICE_ERROR = gauge "host_filesystem_device_error" [device mountpoint fstype], Bool, "statfs(2)";
}

/// A line of /proc/1/mounts.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    device: String,
    /// As the host sees it, without the root prefix.
    mountpoint: String,
    fstype: String,
    readonly: bool,
}

impl Mount {
    /// Whether a server somewhere else answers; those are asked last, so that a dead one delays no local figures.
    fn is_remote(&self) -> bool {
        let kind = self.fstype.as_str();
        ["nfs", "ceph", "cifs", "smb", "fuse", "glusterfs", "lustre", "afs", "9p"]
            .iter()
            .any(|remote| kind.starts_with(remote))
    }
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    // Process 1 has the host's mounts even when this process runs in a mount namespace of its own.
    let text = match state.read(&state.proc("1/mounts")) {
        Ok(text) => text,
        Err(_) => state.read(&state.proc("self/mounts"))?,
    };
    let mut mounts = mounts(&text, &state.settings.rootfs);
    let settings = &state.settings.filesystem;
    mounts.retain(|mount| {
        admits(settings.mount_points_include.as_ref(), settings.mount_points_exclude.as_ref(), &mount.mountpoint)
            && admits(None, settings.types_exclude.as_ref(), &mount.fstype)
    });
    mounts.sort_by_key(Mount::is_remote);
    let limit = Duration::from_millis(settings.timeout_ms.max(1));
    state.linux.filesystem.begin_run();
    for mount in &mounts {
        let path = state.root(&mount.mountpoint);
        let answer = state.linux.filesystem.ask(&path, limit);
        put(state, part, mount, answer);
    }
    Ok(())
}

fn put(state: &mut State, part: &mut PartBuilder, mount: &Mount, answer: Answer) {
    let labels = [mount.device.as_str(), mount.mountpoint.as_str(), mount.fstype.as_str()];
    let place = Path::new(&mount.mountpoint);
    let failed = match answer {
        Answer::Usage(usage) => {
            put_usage(part, labels, usage);
            part.put(&READONLY, labels, f64::from(u8::from(mount.readonly)));
            false
        }
        Answer::NotAsked => return,
        Answer::Stuck => {
            if state.first_time(place) {
                tracing::warn!(
                    mountpoint = mount.mountpoint,
                    fstype = mount.fstype,
                    "the file system does not answer; it is left alone until it does (exclude it with host.filesystem.mount_points_exclude)"
                );
            }
            true
        }
        Answer::Failed(error) => {
            state.refused_at(place, place, &error);
            true
        }
    };
    part.put(&DEVICE_ERROR, labels, f64::from(u8::from(failed)));
}

fn put_usage(part: &mut PartBuilder, labels: [&str; 3], usage: Usage) {
    part.put(&SIZE, labels, usage.size_bytes as f64);
    part.put(&FREE, labels, usage.free_bytes as f64);
    part.put(&AVAIL, labels, usage.available_bytes as f64);
    part.put(&FILES, labels, usage.files as f64);
    part.put(&FILES_FREE, labels, usage.files_free as f64);
}

/// The mounts, each once: what is mounted twice with the same three labels is one series.
fn mounts(text: &str, rootfs: &Path) -> Vec<Mount> {
    let mut seen = HashSet::new();
    text.lines()
        .filter_map(|line| mount(line, rootfs))
        .filter(|mount| seen.insert((mount.device.clone(), mount.mountpoint.clone(), mount.fstype.clone())))
        .collect()
}

fn mount(line: &str, rootfs: &Path) -> Option<Mount> {
    let mut words = line.split_ascii_whitespace();
    let (device, mountpoint, fstype, options) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let mountpoint = unescape(mountpoint);
    // In a container, what is not below the host's root is the container's own.
    let mountpoint = match Path::new(&mountpoint).strip_prefix(rootfs) {
        Ok(below) => format!("/{}", below.display()),
        Err(_) => mountpoint,
    };
    Some(Mount {
        device: unescape(device),
        mountpoint,
        fstype: fstype.to_owned(),
        readonly: options.split(',').any(|option| option == "ro"),
    })
}

/// The kernel writes blanks, tabs, line ends and backslashes as `\` and three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let octal = behind.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.filter(|_| *first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(3..).unwrap_or(&[]);
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(line: &str, rootfs: &str) -> Mount {
        mount(line, Path::new(rootfs)).unwrap()
    }

    #[test]
    fn mount_points_are_as_the_host_sees_them() {
        let inside = parse("/dev/sdb1 /host/srv/my\\040data ext4 ro,relatime 0 0", "/host");
        assert_eq!(inside.mountpoint, "/srv/my data");
        assert!(inside.readonly && !inside.is_remote());
        assert_eq!(parse("/dev/sda1 /host ext4 rw 0 0", "/host").mountpoint, "/");
        assert_eq!(parse("/dev/sda1 /hosts ext4 rw,errors=ro 0 0", "/host").mountpoint, "/hosts");
        assert_eq!(parse("/dev/sda1 / ext4 rw 0 0", "/").mountpoint, "/");
        assert_eq!(parse("/dev/sda1 /srv ext4 rw 0 0", "/").mountpoint, "/srv");
        assert!(parse("srv:/x /x nfs4 rw 0 0", "/").is_remote());
        assert_eq!(mounts("a /x ext4 rw 0 0\na /x ext4 rw 0 0\nodd\n", Path::new("/")).len(), 1);
    }

    proptest! {
        #[test]
        fn names_come_back(name in "[ -~äß\t\n]{0,20}") {
            let escaped: String = name
                .chars()
                .map(|character| match character {
                    ' ' | '\t' | '\n' | '\\' => format!("\\{:03o}", character as u32),
                    _ => character.to_string(),
                })
                .collect();
            prop_assert_eq!(unescape(&escaped), name);
        }

        #[test]
        fn any_line_is_survived(line in "\\PC{0,60}") {
            let _ = mount(&line, Path::new("/host"));
        }
    }
}
