use super::*;
use crate::source::{SliceProvider, SourceExt, serve};
use alloc::vec;

fn file(pages: u64) -> Vec<u8> {
    (0..pages * PAGE_SIZE)
        .map(|i| (i / PAGE_SIZE) as u8)
        .collect()
}

fn scattered() -> CacheLimits {
    CacheLimits {
        whole_file: 0,
        ..CacheLimits::default()
    }
}

/// Runs a step to acceptance and says how it ended.
fn run<T>(cache: &mut Cache, bytes: &[u8], mut step: impl FnMut(&Cache) -> T) -> (T, Completeness) {
    for _ in 0..10_000 {
        match cache.attempt(&mut step) {
            Attempt::Accepted(value, how) => return (value, how),
            Attempt::Wanting => serve(cache, &mut SliceProvider(bytes)),
        }
    }
    panic!("the step never ended");
}

#[test]
fn a_step_is_run_again_until_nothing_is_wanted() {
    let bytes = file(64);
    let mut cache = Cache::with_limits(bytes.len() as u64, scattered());
    let mut runs = 0;
    let chain = |cache: &Cache| {
        let next = u64::from(cache.u8(5 * PAGE_SIZE)?) * 8;
        cache.u8(next * PAGE_SIZE)
    };
    let (value, how) = run(&mut cache, &bytes, |cache| {
        runs += 1;
        chain(cache)
    });
    assert_eq!((value, how, runs), (Ok(40), Completeness::Complete, 3));
    assert_eq!(cache.stats().rounds, 2);
}

#[test]
fn what_goes_on_after_not_yet_is_fetched_in_one_round() {
    let bytes = file(256);
    let mut cache = Cache::with_limits(bytes.len() as u64, scattered());
    let (sum, _) = run(&mut cache, &bytes, |cache| {
        (0..8)
            .map(|i| cache.u8(i * 32 * PAGE_SIZE).unwrap_or(0))
            .map(u32::from)
            .sum::<u32>()
    });
    assert_eq!(sum, (0..8).map(|i| i * 32).sum::<u32>());
    assert_eq!((cache.stats().rounds, cache.stats().reads), (1, 8));
}

#[test]
fn a_little_that_nobody_asked_for_is_read_along_and_much_is_not() {
    for (second, reads) in [(24, 1), (32, 2)] {
        let bytes = file(64);
        let mut cache = Cache::with_limits(bytes.len() as u64, scattered());
        let (read, _) = run(&mut cache, &bytes, |cache| {
            let both = (cache.u8(0), cache.u8(second * PAGE_SIZE));
            both.1
        });
        assert_eq!(read, Ok(second as u8));
        assert_eq!(cache.stats().reads, reads, "{second}");
    }
}

#[test]
fn neighbouring_wants_become_one_read() {
    let bytes = file(64);
    let mut cache = Cache::with_limits(bytes.len() as u64, scattered());
    let (read, _) = run(&mut cache, &bytes, |cache| {
        cache.bytes(3 * PAGE_SIZE + 7, 6 * PAGE_SIZE)
    });
    assert_eq!(read.unwrap(), bytes[3 * 4096 + 7..9 * 4096 + 7]);
    assert_eq!(cache.stats().reads, 1);
}

#[test]
fn a_small_file_is_read_whole_at_once() {
    let bytes = file(40);
    let mut cache = Cache::new(bytes.len() as u64);
    run(&mut cache, &bytes, |cache| cache.u32(0)).0.unwrap();
    run(&mut cache, &bytes, |cache| cache.u32(39 * PAGE_SIZE))
        .0
        .unwrap();
    assert_eq!(
        cache.stats(),
        Stats {
            rounds: 1,
            reads: 1,
            bytes_read: 40 * PAGE_SIZE
        }
    );
}

#[test]
fn a_read_past_the_end_is_truncated_and_wants_nothing() {
    let mut cache = Cache::new(100);
    match cache.attempt(|cache| (cache.u64(96), cache.u64(u64::MAX - 3))) {
        Attempt::Accepted((near, far), Completeness::Complete) => {
            assert_eq!(
                near,
                Err(ReadError::Truncated {
                    offset: 96,
                    wanted: 8,
                    len: 100
                })
            );
            assert!(matches!(far, Err(ReadError::Truncated { .. })));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_range_is_asked_for_once_more_in_a_small_piece_and_then_reads_as_failed() {
    let mut cache = Cache::new(10 * PAGE_SIZE);
    for pages in [10, 4] {
        assert!(matches!(
            cache.attempt(|cache| cache.u8(0)),
            Attempt::Wanting
        ));
        let ranges = cache.take_wanted();
        let len = pages * PAGE_SIZE;
        assert_eq!(ranges, [Range { offset: 0, len }]);
        cache.fail(ranges[0]);
    }
    match cache.attempt(|cache| cache.u8(1)) {
        Attempt::Accepted(read, _) => assert_eq!(read, Err(ReadError::Failed { offset: 1 })),
        Attempt::Wanting => panic!("asked again"),
    }
    // What stands behind the piece is no worse for it.
    assert!(matches!(
        cache.attempt(|cache| cache.u8(5 * PAGE_SIZE)),
        Attempt::Wanting
    ));
}

#[test]
fn a_short_answer_marks_what_is_missing_as_failed() {
    let mut cache = Cache::new(3 * PAGE_SIZE);
    assert!(matches!(
        cache.attempt(|cache| cache.u8(0)),
        Attempt::Wanting
    ));
    let range = cache.take_wanted()[0];
    cache.supply(range, &file(3)[..5000]);
    let (first, second) = (cache.u8(0), cache.u8(PAGE_SIZE + 1));
    assert_eq!(
        (first, second),
        (
            Ok(0),
            Err(ReadError::Failed {
                offset: PAGE_SIZE + 1
            })
        )
    );
}

#[test]
fn the_cache_stays_under_its_cap_and_later_steps_still_work() {
    let bytes = file(256);
    let limits = CacheLimits {
        capacity: 32 * PAGE_SIZE,
        ..scattered()
    };
    let mut cache = Cache::with_limits(bytes.len() as u64, limits);
    for page in (0..256).chain(0..256) {
        let (value, how) = run(&mut cache, &bytes, |cache| cache.u8(page * PAGE_SIZE));
        assert_eq!((value, how), (Ok(page as u8), Completeness::Complete));
        assert!(cache.held() <= 32 * PAGE_SIZE);
    }
}

#[test]
fn a_step_that_needs_more_than_the_cap_ends_in_final_mode() {
    let bytes = file(256);
    let limits = CacheLimits {
        capacity: 32 * PAGE_SIZE,
        ..scattered()
    };
    let mut cache = Cache::with_limits(bytes.len() as u64, limits);
    let (reads, how) = run(&mut cache, &bytes, |cache| {
        (0..256)
            .map(|page| cache.u8(page * PAGE_SIZE))
            .collect::<Vec<_>>()
    });
    assert_eq!(how, Completeness::Stopped(StopReason::MemoryLimit));
    assert!(
        reads
            .iter()
            .any(|read| matches!(read, Err(ReadError::NotRead { .. })))
    );
    assert!(!reads.contains(&Err(ReadError::NotYet)));
    // The next step begins afresh.
    let (value, how) = run(&mut cache, &bytes, |cache| cache.u8(7 * PAGE_SIZE));
    assert_eq!((value, how), (Ok(7), Completeness::Complete));
}

#[test]
fn a_step_that_asks_too_often_ends_in_final_mode() {
    let bytes = file(256);
    let limits = CacheLimits {
        rounds_per_step: 3,
        ..scattered()
    };
    let mut cache = Cache::with_limits(bytes.len() as u64, limits);
    let (seen, how) = run(&mut cache, &bytes, |cache| {
        (0..20)
            .map_while(|i| cache.u8(i * 11 * PAGE_SIZE).ok())
            .count()
    });
    assert_eq!(how, Completeness::Stopped(StopReason::RoundLimit));
    assert_eq!(seen, 3);
}

#[test]
fn a_cancelled_analysis_still_ends_in_an_accepted_result() {
    let bytes = vec![1; 4096];
    let mut cache = Cache::new(bytes.len() as u64);
    assert!(matches!(
        cache.attempt(|cache| cache.u8(0)),
        Attempt::Wanting
    ));
    cache.cancel();
    match cache.attempt(|cache| cache.u8(0)) {
        Attempt::Accepted(read, how) => {
            let why = StopReason::Cancelled;
            assert_eq!(read, Err(ReadError::NotRead { offset: 0, why }));
            assert_eq!(how, Completeness::Stopped(why));
        }
        Attempt::Wanting => panic!("still asking"),
    }
}

#[test]
fn final_mode_never_shows_not_yet() {
    let mut cache = Cache::new(64 * PAGE_SIZE);
    cache.cancel();
    match cache.attempt(|cache| cache.bytes(0, 64 * PAGE_SIZE)) {
        Attempt::Accepted(Err(ReadError::NotRead { .. }), _) => {}
        other => panic!("{other:?}"),
    }
}
