// SPDX-License-Identifier: MIT
//! The crate as the program's allocator: everything that Rust allocates comes from it, aligned,
//! zeroed and resized as asked, in all threads.
use std::alloc::{alloc, alloc_zeroed, dealloc, realloc, GlobalAlloc, Layout};
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::thread;

#[global_allocator]
static GLOBAL: rimalloc::RiMalloc = rimalloc::RiMalloc;

#[test]
fn what_rust_allocates_is_ours() {
    let boxed = Box::new(5u64);
    assert!(rimalloc::owns(&*boxed as *const u64));
    let text = String::from("some text that is long enough");
    assert!(rimalloc::owns(text.as_ptr()));
    let on_stack = 5u64;
    assert!(!rimalloc::owns(&on_stack as *const u64));
    assert_eq!(rimalloc::version(), 100);
}

#[test]
fn layouts_are_kept() {
    for alignment in (0..=16).map(|shift| 1usize << shift) {
        for size in [1, 7, 8, 9, 16, 24, 100, 1000, 5000, 70_000, 300_000] {
            let layout = Layout::from_size_align(size, alignment).unwrap();
            unsafe {
                let p = alloc(layout);
                assert!(!p.is_null() && p as usize % alignment == 0, "{layout:?}");
                p.write_bytes(0x5A, size);
                let larger = realloc(p, layout, size * 3);
                assert!(!larger.is_null() && larger as usize % alignment == 0, "{layout:?}");
                let bytes = std::slice::from_raw_parts(larger, size);
                assert!(bytes.iter().all(|&byte| byte == 0x5A), "{layout:?}");
                let layout3 = Layout::from_size_align(size * 3, alignment).unwrap();
                let smaller = realloc(larger, layout3, size.min(8));
                assert!(!smaller.is_null() && smaller as usize % alignment == 0, "{layout:?}");
                dealloc(smaller, Layout::from_size_align(size.min(8), alignment).unwrap());
                let z = alloc_zeroed(layout);
                assert!(!z.is_null() && z as usize % alignment == 0, "{layout:?}");
                let bytes = std::slice::from_raw_parts(z, size);
                assert!(bytes.iter().all(|&byte| byte == 0), "{layout:?}");
                z.write_bytes(0x5A, size);
                dealloc(z, layout);
            }
        }
    }
}

#[test]
fn no_memory_is_null() {
    let layout = Layout::from_size_align(isize::MAX as usize - 4096, 1).unwrap();
    unsafe {
        assert!(GLOBAL.alloc(layout).is_null());
        let small = Layout::new::<u64>();
        let p = GLOBAL.alloc(small);
        p.cast::<u64>().write(77);
        assert!(GLOBAL.realloc(p, small, layout.size()).is_null());
        assert_eq!(p.cast::<u64>().read(), 77);
        GLOBAL.dealloc(p, small);
    }
}

#[test]
fn collections_in_threads() {
    let (sender, receiver) = mpsc::channel::<(usize, BTreeMap<usize, String>)>();
    let threads: Vec<_> = (0..8)
        .map(|t| {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut map = HashMap::new();
                for i in 0..2000usize {
                    map.insert(i, format!("thread {t} number {i}"));
                    if i % 3 == 0 {
                        map.remove(&(i / 2));
                    }
                }
                sender.send((t, map.into_iter().collect())).unwrap();
            })
        })
        .collect();
    drop(sender);
    let mut seen = 0;
    for (t, map) in receiver {
        seen += 1;
        for (i, text) in &map {
            assert_eq!(text, &format!("thread {t} number {i}"));
        }
    }
    for t in threads {
        t.join().unwrap();
    }
    assert_eq!(seen, 8);
}
