//! The real program over a history that is no history: it says so, and the metrics go on.

use std::path::Path;

use crate::support::process::Stackcast;
use stackcast::history::FILE_NAME;

fn configuration(directory: &Path) -> String {
    let file = directory.join("stackcast.toml");
    std::fs::write(&file, format!("[data]\ndirectory = \"{}\"\n", directory.join("data").display())).unwrap();
    file.display().to_string()
}

#[tokio::test]
async fn a_damaged_history_is_said_and_metrics_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = configuration(directory.path());
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::write(data.join(FILE_NAME), vec![0xa5; 64 * 1024]).unwrap();
    let mut program = Stackcast::start(&["--config", &file], &[]);
    let page = program
        .until(60, |page| {
            let signals = page.contains_key("stackcast_signal_value");
            if signals && page.contains_key("host_load1") { Ok(()) } else { Err("no signals".to_owned()) }
        })
        .await;
    assert!(!page.contains_key("stackcast_store_size_bytes"), "there is no store to tell of");
    let log = program.log();
    assert!(log.contains("no history") && log.contains(FILE_NAME) && log.contains("metrics go on"), "{log}");
    assert_eq!(std::fs::read(data.join(FILE_NAME)).unwrap(), vec![0xa5; 64 * 1024], "what may be of use is left alone");
}
