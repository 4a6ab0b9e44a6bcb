// Functions whose names the compiler decorates, for scripts/test-unwind: the symbol file must give
// them back as people write them. Called by program.c; no library is linked in.

typedef unsigned long long u64;
#define KEEP __attribute__((noinline))

extern "C" u64 leaf(u64 x);
extern "C" u64 small(u64 x);

namespace acme {
namespace disk {

struct Request {
  u64 length;
  KEEP explicit Request(u64 wanted) : length(leaf(wanted)) {}
  KEEP ~Request() { length = small(length); }
  KEEP u64 operator+(u64 more) const { return small(length + more); }
  KEEP u64 operator()(u64 again) { return leaf(again) + length; }
  KEEP explicit operator u64() const { return leaf(length); }
};

class Queue {
 public:
  KEEP virtual u64 submit(Request &request);
  template <class T> KEEP T twice(T x) { return T(small(x) + small(x + 1)); }
  KEEP static u64 drain(Queue &queue, u64 x) { return queue.waiting + small(x); }

 protected:
  u64 waiting = 0;
};

class FastQueue final : public Queue {
 public:
  KEEP u64 submit(Request &request) override { return Queue::submit(request) + small(waiting); }
};

KEEP u64 Queue::submit(Request &request) {
  waiting += request.operator+(1);
  return small(waiting) + u64(request);
}

}  // namespace disk
}  // namespace acme

namespace {
// It has no public name: a symbol file of one's own build knows it, a published one does not.
KEEP u64 hidden(u64 x) { return small(x) + 1; }
}  // namespace

static KEEP u64 of_this_file(u64 x) { return hidden(x) + leaf(x); }

KEEP u64 overloaded(u64 x) { return small(x); }
KEEP u64 overloaded(u64 x, char y) { return small(x) + leaf(u64(y)); }

template <class F> KEEP u64 apply(F f, u64 x) { return f(x) + f(x + 1); }
struct Pair {
  template <class A, int N> KEEP static u64 sum(A x) { return small(u64(x) + N); }
};

extern "C" KEEP u64 named(u64 x) {
  using namespace acme::disk;
  FastQueue fast;
  Queue *volatile queue = &fast;
  u64 sum = 0;
  {
    Request request(x);
    sum += queue->submit(request) + request(x);
  }
  sum += queue->twice<u64>(x) + queue->twice<unsigned short>(3) + Queue::drain(fast, x);
  auto once = [x](u64 y) __attribute__((noinline)) { return small(x + y); };
  sum += apply(once, x) + Pair::sum<u64, 3>(x) + Pair::sum<char, -1>('a');
  return sum + of_this_file(x) + overloaded(x) + overloaded(x, 'a');
}
