// Functions of every shape that a prologue can have, for scripts/test-unwind: compiled for Windows,
// run in an emulator, and left by the unwinder at every instruction. No library is linked in.

typedef unsigned long long u64;
#define KEEP __attribute__((noinline))
#define COLD __attribute__((noinline, cold))

volatile u64 sink;
volatile double real;
int _fltused = 1;

KEEP void *memset(void *at, int value, __SIZE_TYPE__ count) {
  volatile char *bytes = at;
  while (count-- > 0) bytes[count] = (char)value;
  return at;
}

KEEP u64 leaf(u64 x) { return x * 3 + 1; }
KEEP double leaf_real(double x) { return x * 1.5 + 1; }

KEEP u64 small(u64 x) { return leaf(x) + leaf(x + 1); }

KEEP void use(char *at, u64 size) {
  at[0] = 1;
  at[size - 1] = (char)leaf(size);
  sink += (u64)at[0];
}

KEEP u64 many(u64 a, u64 b, u64 c, u64 d) {
  u64 e = leaf(a), f = leaf(b), g = leaf(c), h = leaf(d), i = small(e), j = small(f);
  return a + b * e + c * f + d * g + e * h + f * i + g * j + h + i + j + leaf(a ^ j);
}

KEEP u64 large(u64 x) {
  char space[6000];
  use(space, sizeof space);
  return x + (u64)space[17 + x % 3];
}

KEEP u64 huge(u64 x) {
  char space[600000];
  use(space, sizeof space);
  return small(x) + (u64)space[0];
}

KEEP u64 dynamic(u64 x) {
  char *space = __builtin_alloca(x * 48 + 16);
  use(space, x * 48 + 16);
  return small(x) + (u64)space[0];
}

KEEP u64 dynamic_many(u64 x, u64 y) {
  u64 a = leaf(x), b = leaf(y), c = leaf(a), d = leaf(b);
  char *space = __builtin_alloca((a & 7) * 16 + 32);
  use(space, 32);
  return many(a, b, c, d) + a * b + c * d + (u64)space[0];
}

KEEP u64 aligned(u64 x) {
  __attribute__((aligned(64))) char space[256];
  use(space, sizeof space);
  return leaf(x) + (u64)space[0] + ((u64)space & 63);
}

KEEP double reals(double a, double b, double c) {
  double d = leaf_real(a), e = leaf_real(b), f = leaf_real(c), g = leaf_real(d);
  double h = leaf_real(e), i = leaf_real(f), j = leaf_real(g), k = leaf_real(h);
  return a * b + c * d + e * f + g * h + i * j + k + leaf_real(a + k) * d * e * f * g;
}

KEEP double reals_and_integers(double a, u64 x) {
  double b = leaf_real(a), c = leaf_real(b);
  u64 y = leaf(x), z = leaf(y), w = small(z);
  return a * b * c + leaf_real(c) * b + (double)(long long)(x + y * z + w);
}

KEEP u64 variadic(u64 count, ...) {
  __builtin_va_list list;
  u64 sum = 0;
  __builtin_va_start(list, count);
  for (u64 i = 0; i < count; i++) sum += leaf(__builtin_va_arg(list, u64));
  __builtin_va_end(list);
  return sum;
}

KEEP u64 ten(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h, u64 i, u64 j) {
  return leaf(a + b + c) + leaf(d + e + f) + leaf(g + h) * i + j;
}

struct big {
  u64 words[12];
};
KEEP struct big returned(u64 x) {
  struct big value;
  for (int i = 0; i < 12; i++) value.words[i] = leaf(x + (u64)i);
  return value;
}

KEEP u64 tail(u64 x) { return small(x + 7); }
KEEP u64 tail_many(u64 x) {
  u64 y = leaf(x), z = leaf(y), w = leaf(z);
  sink = x + y * z * w;
  return many(x, y, z, w);
}

typedef u64 (*function)(u64);
function volatile table[4] = {leaf, small, tail, large};
KEEP u64 tail_pointer(u64 x) { return table[x & 3](x + 1); }
KEEP u64 through_pointers(u64 x) {
  u64 sum = 0;
  for (u64 i = 0; i < 4; i++) sum += table[i](x + i);
  return sum;
}

KEEP u64 choose(u64 x, u64 y) {
  switch (x) {
    case 0: return leaf(y);
    case 1: return small(y) + 3;
    case 2: return y * 5;
    case 3: return large(y) ^ 1;
    case 4: return many(y, 2, 3, 4) - y;
    case 5: return tail(y);
    case 6: sink = y; return small(leaf(y)) + sink;
    default: return 0;
  }
}

KEEP u64 early(u64 x, u64 y) {
  if (x < 3) return y + x;
  u64 a = leaf(x), b = leaf(y), c = leaf(a), d = small(b);
  return many(a, b, c, d) + a * b + c * d;
}

COLD u64 rare(u64 x, u64 y) {
  sink = x;
  return small(y) + leaf(x);
}
KEEP u64 hot(u64 x, u64 y) {
  u64 a = leaf(x), b = leaf(y), c = leaf(a + b);
  if (__builtin_expect(x > 100, 0)) {
    b += rare(a, b);
    sink += b;
    if (y > 5) c += rare(c, a) * rare(b, 2);
    else rare(c, 1);
  }
  if (__builtin_expect(y == 77, 0)) {
    sink += rare(a, c);
    a ^= rare(b, a);
  }
  return a * b + c + leaf(a) + small(b) * c;
}

KEEP u64 recurse(u64 x) {
  if (x < 2) return leaf(x);
  u64 y = recurse(x - 1);
  return y + recurse(x - 2) * x;
}

// What is written by hand: x64.s, arm64.s, and the short forms that packed.py writes.
u64 assembled(u64 x);
u64 further(u64 x);
#ifdef WITH_NAMES
u64 named(u64 x);
#else
#define named small
#endif

__attribute__((noreturn)) KEEP void end(u64 x) {
  sink = leaf(x);
  for (;;) __asm__ volatile(STOP);
}

#ifdef WITH_NAMES
// What ends a block however it is left is a function of its own, which works on this one's frame.
int __C_specific_handler(void) { return 1; }
KEEP u64 finally(u64 x) {
  char *space = __builtin_alloca((x & 7) * 16 + 32);
  use(space, 32);
  __try {
    sink += leaf(x);
    __try {
      sink += small(x);
    } __finally {
      sink += many(x, 1, 2, (u64)space[0]);
    }
  } __finally {
    sink += small(x + 1);
  }
  return sink + x;
}
#else
#define finally leaf
#endif

// A call that does not return is the last instruction of its function.
__attribute__((noreturn)) KEEP void last(u64 x) {
  small(x);
  end(x + 1);
}

// Where the emulator lets interrupts come in, and where it takes over again.
extern char fault[], back_from_fault[], tick[], back_from_tick[], third[], back_from_third[];
__attribute__((section(".hooks"), used)) char *const volatile hooks[] = {fault, back_from_fault, tick,
                                                                        back_from_tick, third, back_from_third};

// What an interrupt runs, wherever it comes in.
KEEP u64 interrupt(u64 x) { return small(x) + many(x, 1, 2, 3); }

u64 run(void) {
  u64 sum = small(1) + many(1, 2, 3, 4) + large(2) + huge(3) + dynamic(4) + dynamic_many(5, 6);
  sum += aligned(7) + variadic(5, 1ull, 2ull, 3ull, 4ull, 5ull);
  sum += ten(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) + returned(8).words[3];
  sum += tail(9) + tail_many(10) + tail_pointer(11) + tail_pointer(12) + through_pointers(13);
  for (u64 i = 0; i < 8; i++) sum += choose(i, i * 3);
  sum += early(1, 2) + early(5, 6) + hot(1, 2) + hot(101, 77) + hot(102, 3) + recurse(4);
  real = reals(1, 2, 3) + reals_and_integers(4, 5);
  sum += assembled(14) + named(15) + further(16) + finally(17) + (u64)hooks[0];
  if (sum != 0) last(sum);
  return sum;
}
