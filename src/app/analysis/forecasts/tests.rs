//! What is told of forecasts when the rest of the program changes, and what a defect costs.

use super::*;
use crate::app::running::App;
use crate::config;
use crate::model::clock::Clock;
use crate::model::signal::Scope;

const NOW: i64 = 1_760_486_400;

fn forecasts(served: impl Fn(&str) -> bool + Send + Sync + 'static) -> Inner {
    let settings = config::Settings::default();
    let app = App::new(&settings, Arc::new(|| Ok(config::Settings::default())), Clock::system());
    let mut analysis = Analysis::new(&app, None, 1);
    analysis.served = Box::new(served);
    Inner::new(Arc::new(analysis), true)
}

/// A prediction made so many hours ago.
fn know(forecasts: &Inner, cloud: &str, signal: &str, hours: i64) {
    let key = SeriesKey {
        signal: signal.into(),
        origin: Origin::new(cloud, "r"),
        scope: Scope::Cloud,
        entity: cloud.into(),
        resource: "".into(),
        basis: None,
    };
    let hour = |index: i64| 5.0 + (index % 24) as f64;
    let start = Timestamp::from_seconds(NOW - (hours + 100) * 3600);
    let stretch = Stretch { key: Arc::new(key), start, step: HOUR, values: (0..100).map(hour).collect() };
    let signals = forecasts.analysis.signals();
    let settings = forecasts.analysis.settings.load();
    let subject = Subject { signal: &signals[0], stretch: &stretch, shifted: 0 };
    let made = predict(&subject, &settings.forecast, &settings.tiers, None).unwrap().0;
    let mut current = forecasts.current.lock().unwrap();
    let slot = current.entry(stretch.key.origin.clone()).or_default();
    Arc::make_mut(slot).0.insert(stretch.key, Arc::new(made));
}

/// Clouds whose forecasts are on the page, with the number of series.
fn told(forecasts: &Inner) -> Vec<(String, usize)> {
    let snapshot = forecasts.analysis.store.load();
    let of = |part: &Arc<crate::model::part::Part>| {
        let trained =
            part.families.iter().find(|family| family.descriptor().name.ends_with("_trained_timestamp_seconds"));
        let cloud = part.key.origin.cloud.as_deref().unwrap_or_default().to_owned();
        (cloud, trained.map_or(0, |family| family.samples().count()))
    };
    snapshot.group(GROUP).map(of).collect()
}

#[test]
fn only_what_is_current_and_served_is_told() {
    let gone = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&gone);
    let forecasts = forecasts(move |cloud| cloud != "b" || !seen.load(Ordering::Relaxed));
    know(&forecasts, "a", "instances", 1);
    know(&forecasts, "a", "load1", 30);
    know(&forecasts, "b", "instances", 1);
    know(&forecasts, "b", "no_signal_any_more", 1);
    forecasts.publish(Timestamp::from_seconds(NOW));
    assert_eq!(told(&forecasts), [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    gone.store(true, Ordering::Relaxed);
    forecasts.publish(Timestamp::from_seconds(NOW));
    assert_eq!(told(&forecasts), [("a".to_owned(), 1)], "a cloud that was taken out of the configuration");
    let mut settings = Settings::default();
    settings.forecast.enabled = false;
    forecasts.analysis.settings.store(Arc::new(settings.clone()));
    forecasts.publish(Timestamp::from_seconds(NOW));
    assert_eq!(told(&forecasts), [], "switched off");
    settings.forecast.enabled = true;
    forecasts.analysis.settings.store(Arc::new(settings));
    forecasts.publish(Timestamp::from_seconds(NOW + 25 * 3600));
    assert_eq!(told(&forecasts), [("a".to_owned(), 0)], "the history could not be read for a day");
}

#[tokio::test]
async fn a_run_that_ends_by_a_defect_does_not_stop_the_next() {
    let forecasts = Forecasts(Arc::new(forecasts(|_| true)));
    let defect = tokio::spawn(async { panic!("a defect, as planned") });
    *forecasts.0.task.lock().unwrap() = Some(defect);
    while !forecasts.0.task.lock().unwrap().as_ref().unwrap().is_finished() {
        tokio::task::yield_now().await;
    }
    forecasts.run_if_due(Timestamp::from_seconds(NOW));
    assert_eq!(forecasts.0.last_run.load(Ordering::Relaxed), NOW);
    forecasts.finished().await;
    assert!(forecasts.0.task.lock().unwrap().is_none());
}

#[tokio::test]
async fn a_restart_keeps_what_was_said_and_learned() {
    let folder = tempfile::tempdir().unwrap();
    let settings = config::Settings::default();
    let app = App::new(&settings, Arc::new(|| Ok(config::Settings::default())), Clock::system());
    let process = || {
        let opened = crate::history::open(&settings.history, folder.path(), 30, &Clock::system()).unwrap();
        Inner::new(Arc::new(Analysis::new(&app, Some(opened), 1)), true)
    };
    let before = process();
    let signals = before.analysis.signals();
    let name = signals[0].name.to_string();
    know(&before, "a", &name, 1);
    let (key, prediction) = before
        .current
        .lock()
        .unwrap()
        .values()
        .next()
        .unwrap()
        .0
        .first_key_value()
        .map(|(key, made)| (Arc::clone(key), Arc::clone(made)))
        .unwrap();
    let stretch = Stretch {
        key: Arc::clone(&key),
        start: Timestamp::from_seconds(NOW - 500 * 3600),
        step: HOUR,
        values: (0..500).map(|hour: i64| 5.0 + (hour % 24) as f64 + (hour * 7919 % 101) as f64 / 100.0).collect(),
    };
    let subject = Subject { signal: &signals[0], stretch: &stretch, shifted: 0 };
    let analysis = before.analysis.settings.load_full();
    let memory = predict(&subject, &analysis.forecast, &analysis.tiers, None).unwrap().1.unwrap();
    before.memories.lock().unwrap().insert(Arc::clone(&key), Arc::new(memory.clone()));
    before.last_run.store(NOW, Ordering::Relaxed);
    before.keep(&name).await.unwrap();
    drop(before);
    let after = process();
    after.restore().await.unwrap();
    assert_eq!(after.last_run.load(Ordering::Relaxed), NOW);
    // JSON may cost the last bit.
    let learned = Arc::clone(&after.memories.lock().unwrap()[&key]);
    let said = Arc::clone(&after.current.lock().unwrap()[&key.origin].0[&key]);
    assert_eq!(format!("{learned:.9?}"), format!("{memory:.9?}"));
    assert_eq!(format!("{said:.9?}"), format!("{prediction:.9?}"));
}
