// SPDX-License-Identifier: MIT
//! Heaps: what they hold is theirs, dropped when its box is, and gone with the heap.
use std::alloc::Layout;
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::thread;

use rimalloc::{Heap, HeapBox};

/// Counts how often it is dropped.
struct Counted(Rc<Cell<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn boxes_are_of_their_heap() {
    let (a, b) = (Heap::new().unwrap(), Heap::new().unwrap());
    let value = a.boxed([1u32, 2, 3]).unwrap();
    assert!(a.contains(&*value as *const [u32; 3]));
    assert!(!b.contains(&*value as *const [u32; 3]));
    assert_eq!(*value, [1, 2, 3]);
    assert_eq!(format!("{value:?}"), "[1, 2, 3]");
    assert_eq!(HeapBox::into_inner(value), [1, 2, 3]);
    let text = a.string("grün").unwrap();
    assert_eq!(&*text, "grün");
    assert_eq!(format!("{text}"), "grün");
}

#[test]
fn values_are_dropped_once() {
    let drops = Rc::new(Cell::new(0));
    let heap = Heap::new().unwrap();
    drop(heap.boxed(Counted(drops.clone())));
    assert_eq!(drops.get(), 1);
    let inner = HeapBox::into_inner(heap.boxed(Counted(drops.clone())).ok().unwrap());
    assert_eq!(drops.get(), 1);
    drop(inner);
    assert_eq!(drops.get(), 2);
    let slice = heap.slice(10, |_| Counted(drops.clone())).unwrap();
    drop(slice);
    assert_eq!(drops.get(), 12);
    HeapBox::leak(heap.boxed(Counted(drops.clone())).ok().unwrap());
    drop(heap);
    assert_eq!(drops.get(), 12);
    std::mem::forget(drops); // one of its owners went with the heap
}

#[test]
fn a_panic_while_making_drops_what_was_made() {
    let drops = Rc::new(Cell::new(0));
    let heap = Heap::new().unwrap();
    let result = catch_unwind(AssertUnwindSafe(|| {
        heap.slice(10, |i| {
            assert!(i < 7, "stop here");
            Counted(drops.clone())
        })
        .is_some()
    }));
    assert!(result.is_err());
    assert_eq!(drops.get(), 7);
}

#[test]
fn alignment_and_no_memory() {
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    let heap = Heap::new().unwrap();
    let page = heap.boxed(Page([7; 4096])).ok().unwrap();
    assert_eq!(&*page as *const Page as usize % 4096, 0);
    assert!(page.0.iter().all(|&byte| byte == 7));
    let layout = Layout::from_size_align(isize::MAX as usize - 4096, 1).unwrap();
    assert!(heap.allocate(layout).is_none());
    assert!(heap.slice(usize::MAX / 4, |i| i).is_none());
    assert_eq!(heap.slice(0, |i| i).unwrap().len(), 0);
}

#[test]
fn threads_share_a_heap() {
    let heap = Heap::new().unwrap();
    thread::scope(|scope| {
        for t in 0..8usize {
            let heap = &heap;
            scope.spawn(move || {
                let mut kept = Vec::new();
                for i in 0..1000usize {
                    let value = heap.boxed((t, i)).unwrap();
                    assert!(heap.contains(&*value as *const (usize, usize)));
                    if i % 2 == 0 {
                        kept.push(value);
                    }
                }
                assert!(kept.iter().enumerate().all(|(n, value)| **value == (t, n * 2)));
            });
        }
    });
    heap.collect(true);
}

#[test]
fn a_heap_ends_with_all_its_blocks() {
    let heap = Heap::new().unwrap();
    let before = rimalloc::summary();
    for i in 0..20_000usize {
        HeapBox::leak(heap.boxed([i; 8]).unwrap());
    }
    let full = rimalloc::summary();
    assert!(full.in_use >= before.in_use + 20_000 * 64);
    drop(heap);
    rimalloc::collect(true);
    let after = rimalloc::summary();
    assert!(after.in_use < before.in_use + 1_000_000, "{after:?}, before {before:?}");
}
