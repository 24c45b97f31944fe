#include "lock/lease.hpp"

#include <doctest/doctest.h>

using namespace condolock;

namespace {
Millis after(const lock::Lease& lease, Instant at) { return std::chrono::duration_cast<Millis>(at - lease.sent); }
}  // namespace

TEST_CASE("a lease of a minute has the expected deadlines") {
  const lock::Lease lease{Instant(std::chrono::hours(1)), Millis(60'000)};
  CHECK(after(lease, lease.renew_at()) == Millis(10'000));
  CHECK(after(lease, lease.kill_at()) == Millis(57'400));  // 600 ms of drift, a margin of 2 s
  CHECK(after(lease, lease.term_at(Millis(10'000))) == Millis(47'400));
  CHECK(after(lease, lease.term_at(Millis(60'000))) == Millis(42'400));  // the grace is at most a quarter
  CHECK(lease.attempt(Millis(5000)) == Millis(5000));
  CHECK(lease.attempt(Millis(100)) == Millis(100));
  CHECK(lease.retry_pause() == Millis(1000));
  CHECK_FALSE(lease.is_stale(lease.sent + Millis(15'000)));
  CHECK(lease.is_stale(lease.sent + Millis(15'001)));
}

TEST_CASE("deadlines are in the order that safety needs, for leases from a second to a week") {
  for (const std::int64_t ms : {1000, 1500, 3000, 20'000, 60'000, 3'600'000, 604'800'000}) {
    for (const std::int64_t kill_after : {0, 100, 10'000, 100'000'000}) {
      CAPTURE(ms);
      const lock::Lease lease{Instant(std::chrono::hours(1)), Millis(ms)};
      CHECK(lease.renew_at() + 2 * lease.attempt(Millis(5000)) + lease.retry_pause() < lease.term_at(Millis(kill_after)));
      CHECK(lease.term_at(Millis(kill_after)) <= lease.kill_at());
      CHECK(after(lease, lease.kill_at()) <= Millis(ms * 99 / 100 - std::min<std::int64_t>(2000, ms / 10)));
      CHECK(lease.retry_pause() <= Millis(ms / 60));
    }
  }
}
