#include "protocol/protocol.hpp"

using namespace condolock;

TEST_CASE_FIXTURE(Protocol, "renewed: the lease has its whole length from now, even after its end if no other run took it") {
  const lock::Grant mine = grant("a");
  const std::int64_t until = std::stoll(field("h_until"));
  backdate("h_until", 59'000);
  CHECK(renew("a", mine) == lock::Renewal::renewed);
  CHECK(std::stoll(field("h_until")) >= until);
  backdate("h_until", 100'000);
  CHECK(renew("a", mine) == lock::Renewal::renewed);
  CHECK(std::stoll(field("h_until")) >= until);
  CHECK(field("fence") == std::to_string(mine.fence));
}

TEST_CASE_FIXTURE(Protocol, "lost: another run was granted later") {
  const lock::Grant mine = grant("a");
  backdate("h_until", 61'000);
  const lock::Grant other = grant("b");
  CHECK(renew("a", mine) == lock::Renewal::lost);
  CHECK(field("h_token") == "b");
  finish("b", other);
  CHECK(renew("a", mine) == lock::Renewal::lost);
  CHECK(field("h_token") == "(nil)");
}

TEST_CASE_FIXTURE(Protocol, "lost: the lease was revoked, or removed up to its fence") {
  const lock::Grant mine = grant("a");
  set("h_revoked", "1");
  CHECK(renew("a", mine) == lock::Renewal::revoked);
  remove_holder();
  set("cut", std::to_string(mine.fence));
  CHECK(renew("a", mine) == lock::Renewal::lost);
}

// Found by the simulation: such a lease was renewed, and the first one's command started after a newer fence.
TEST_CASE_FIXTURE(Protocol, "lost: the token now holds a second lease, from a repeated acquire") {
  const lock::Grant mine = grant("a");
  while (server_time() <= mine.start) {
  }
  backdate("h_until", 61'000);
  finish("b", grant("b"));
  const lock::Grant again = grant("a");
  CHECK(again.fence > mine.fence);
  const std::string until = field("h_until");
  CHECK(renew("a", mine) == lock::Renewal::lost);
  CHECK(field("h_until") == until);
  CHECK(renew("a", again) == lock::Renewal::renewed);
}

TEST_CASE_FIXTURE(Protocol, "reasserted: the engine lost its data, and no run has come since") {
  const lock::Grant mine = grant("a");
  server.command({"FLUSHALL"});
  CHECK(renew("a", mine) == lock::Renewal::reasserted);
  CHECK(field("fence") == std::to_string(mine.fence));
  CHECK(field("h_start") == std::to_string(mine.start));
  CHECK(is<lock::Held>(acquire("b")));
  CHECK(renew("a", mine) == lock::Renewal::renewed);
  CHECK(server.command({"ZCARD", "{ns}:index"}) == "1");
}

TEST_CASE_FIXTURE(Protocol,
                  "renewed: a late acquire was granted the same lease again, or data loss left an older fence of it") {
  const lock::Grant first = grant("a");
  backdate("h_until", 61'000);
  const lock::Grant again = grant("a");
  CHECK(renew("a", first) == lock::Renewal::renewed);
  CHECK(field("h_fence") == std::to_string(again.fence));
  set("fence", std::to_string(first.fence));
  set("h_fence", std::to_string(first.fence));
  CHECK(renew("a", again) == lock::Renewal::renewed);
  CHECK(field("h_fence") == std::to_string(again.fence));
  CHECK(field("fence") == std::to_string(again.fence));
  CHECK(finish("a", first) == lock::Recording::recorded);
  CHECK(field("ok_start") == std::to_string(first.start));
  CHECK(field("h_token") == "(nil)");
}

TEST_CASE_FIXTURE(Protocol, "after a loss of data, the run that was granted later wins") {
  const lock::Grant mine = grant("a");
  server.command({"FLUSHALL"});
  const lock::Grant other = grant("b");
  CHECK(other.fence >= mine.fence);
  if (other.fence == mine.fence) set("fence", std::to_string(mine.fence + 1));  // within one millisecond
  CHECK(renew("a", mine) == lock::Renewal::lost);
}

TEST_CASE_FIXTURE(Protocol, "a live holder is never replaced, whatever the fences are") {
  const lock::Grant mine = grant("a");
  server.command({"FLUSHALL"});
  grant("b");
  set("fence", "5");  // the clock had gone back, too
  set("h_fence", "5");
  CHECK(renew("a", mine) == lock::Renewal::lost);
  CHECK(field("h_token") == "b");
}

TEST_CASE_FIXTURE(Protocol, "a reasserted lease that replaces an expired one records that as lost") {
  const lock::Grant mine = grant("a");
  server.command({"FLUSHALL"});
  const lock::Grant other = grant("b");
  backdate("h_until", 61'000);
  set("fence", "5");  // the clock had gone back, too
  set("h_fence", "5");
  CHECK(renew("a", mine) == lock::Renewal::reasserted);
  CHECK(field("h_token") == "a");
  CHECK(field("outcome") == "lost");
  CHECK(field("cut") == "5");
  CHECK(runs().find("5 " + std::to_string(other.start) + " ") == 0);
  CHECK(runs().find(" lost - 1 host-b") != std::string::npos);
}

TEST_CASE_FIXTURE(Protocol, "a retired token is not renewed") {
  const lock::Grant mine = grant("a");
  finish("a", mine);
  CHECK(renew("a", mine) == lock::Renewal::lost);
  CHECK(field("h_token") == "(nil)");
}
