//! bluepane reads a Windows crash dump through a keyhole: slices of a file that somebody else
//! fetches. It says what crashed, why, what the memory looked like, and whether a Hyper-V
//! guest's integration components fit its host.
//!
//! # Constraints that shaped this crate
//! - The caller may be a browser worker, where a read is asynchronous and costs a millisecond:
//!   there is no I/O here and no `async`. A step of the analysis is run; what it missed is
//!   listed; the caller fetches; the step is run again ([`source`]).
//! - The file may be terabytes, the memory is not: every cache and list is bounded.
//! - The file is hostile: every length, count and pointer may be a lie. No `unsafe`, no panic,
//!   no loop without a bound.
//! - "Not in this dump" and "not read yet" are different things and never confused.
//!
//! # Rooms
//! Bytes flow one way, and a room imports only from the rooms above it in this list.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod order;

pub mod model;

pub mod time;

pub mod knowledge;

pub mod source;

pub mod container;

pub mod memory;

pub mod image;

pub mod symbols;

pub mod nt;

pub mod platform;

pub mod stack;

pub mod diagnose;

pub mod report;

pub mod console;

pub mod analysis;
