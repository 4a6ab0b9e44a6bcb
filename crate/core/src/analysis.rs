//! One analysis from first byte to report: the steps in their order, and what each needs.
