// SPDX-License-Identifier: MIT
//! The inline paths: that they are inline, seen in this program's own machine code; and that they do
//! to the heap what the allocator's own functions do.
#![cfg(all(target_arch = "x86_64", target_pointer_width = "64", target_os = "linux"))]
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;
use std::process::Command;
use std::thread;

use rimalloc::RiMalloc;

extern "C" {
    fn ri_malloc(size: usize) -> *mut c_void;
    fn ri_free(p: *mut c_void);
    fn ri_audit() -> bool;
}

const LAYOUT: Layout = Layout::new::<[u64; 6]>();

#[no_mangle]
#[inline(never)]
extern "C" fn inline_take() -> *mut u8 {
    unsafe { RiMalloc.alloc(LAYOUT) }
}

#[no_mangle]
#[inline(never)]
extern "C" fn inline_give(p: *mut u8) {
    unsafe { RiMalloc.dealloc(p, LAYOUT) }
}

/// The instructions of a function of this program; None without objdump.
fn disassemble(name: &str) -> Option<Vec<String>> {
    let program = std::env::current_exe().unwrap();
    let argument = format!("--disassemble={name}");
    let mut command = Command::new("objdump");
    command.args(["-d", "--no-show-raw-insn", &argument]).arg(program);
    let text = String::from_utf8(command.output().ok()?.stdout).unwrap();
    let lines = text.lines().filter(|line| line.starts_with(' '));
    let found = lines.filter_map(|line| line.split('\t').nth(1)).map(str::to_string);
    Some(found.filter(|text| text != "int3" && !text.starts_with("nop")).collect())
}

/// As in tests/codegen: slow exits are jumps, and the whole is as short as in C.
fn check_code(name: &str, most: usize) {
    let code = match disassemble(name) {
        Some(code) => code,
        None => return eprintln!("without objdump"),
    };
    assert!(code.len() > 8 && code.len() <= most, "{name}: {} of {most}: {code:#?}", code.len());
    assert!(!code.iter().any(|text| text.starts_with("call")), "{name} calls: {code:#?}");
    assert!(code.iter().any(|text| text.contains("%fs:")), "{name}: {code:#?}");
}

#[test]
fn the_paths_are_inline() {
    inline_give(inline_take());
    check_code("inline_take", 12);
    check_code("inline_give", 44);
}

/// Blocks of one side, freed by the other, here and in another thread.
fn exchange(size: usize) {
    let layout = Layout::from_size_align(size, 8).unwrap();
    let mine: Vec<usize> = (0..300)
        .map(|i| unsafe {
            let p = if i % 2 == 0 { RiMalloc.alloc(layout) } else { ri_malloc(size).cast() };
            assert!(!p.is_null());
            p.write_bytes(i as u8, size);
            p as usize
        })
        .collect();
    let check = move |i: usize, p: usize| unsafe {
        let bytes = std::slice::from_raw_parts(p as *const u8, size);
        assert!(bytes.iter().all(|&byte| byte == i as u8), "block {i} of {size}");
        if i / 2 % 2 == 0 {
            RiMalloc.dealloc(p as *mut u8, layout)
        } else {
            ri_free(p as *mut c_void)
        }
    };
    let (here, there) = mine.split_at(150);
    here.iter().enumerate().for_each(|(i, &p)| check(i, p));
    let there = there.to_vec();
    let other = move || there.iter().enumerate().for_each(|(i, &p)| check(i + 150, p));
    thread::spawn(other).join().unwrap();
}

#[test]
fn both_sides_have_one_heap() {
    for size in [1, 8, 9, 16, 48, 100, 1000, 1024, 1025, 5000, 65_536, 65_537, 300_000] {
        for _ in 0..3 {
            exchange(size);
        }
        // SAFETY: any thread may ask.
        assert!(unsafe { ri_audit() }, "after blocks of {size}");
    }
}

#[test]
fn zeroes_are_zeroes() {
    for size in [1, 8, 48, 1000, 1024, 1025, 5000] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        for _ in 0..100 {
            unsafe {
                let p = RiMalloc.alloc_zeroed(layout);
                let bytes = std::slice::from_raw_parts_mut(p, size);
                assert!(bytes.iter().all(|&byte| byte == 0), "{size}");
                bytes.fill(0xA5);
                RiMalloc.dealloc(p, layout);
            }
        }
    }
}
