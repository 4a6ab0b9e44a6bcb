// What names.cpp calls, for programs that are only linked.
typedef unsigned long long u64;
int _fltused = 1;
__attribute__((noinline)) u64 leaf(u64 x) { return x * 3 + 1; }
__attribute__((noinline)) u64 small(u64 x) { return leaf(x) + leaf(x + 1); }
u64 named(u64 x);
__attribute__((noinline)) u64 run(void) { return named(1); }
