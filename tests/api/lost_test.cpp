// What a context does when the engine is gone, the lease is taken away, or the process is not the same any more.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "api/place.hpp"
#include "util/fd.hpp"

using namespace condolock;
using namespace std::chrono_literals;
using api_test::eventually;
using api_test::Place;
using Clock = std::chrono::steady_clock;

namespace {

// A server that accepts connections and says nothing.
class SilentServer {
 public:
  SilentServer() : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    REQUIRE(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd_.get(), 100) == 0);
  }
  std::string path() const { return directory_.path() + "/silent.sock"; }

 private:
  support::TemporaryDirectory directory_;
  util::Fd fd_;
};

}  // namespace

TEST_CASE("a revoked lease is lost, and says who revoked it") {
  const Place place;
  const auto engine = place.connect();
  ConditionContext context("job", ConditionalLock(*engine), {.lease = 6s});
  const Deadline deadline = context.deadline();
  std::atomic<bool> told{false};
  const std::stop_callback callback(context.stop_token(), [&] { told = true; });
  place.unlock("job", false);
  CHECK(eventually([&] { return context.lost(); }));
  CHECK(eventually([&] { return told.load(); }));
  CHECK(deadline.expired());
  CHECK(deadline.remaining() == 0ms);
  CHECK(context.lost_reason().ends_with(" revoked the lease"));
  Error error;
  context.finish(Outcome::success, {}, error);
  CHECK(error.code == Errc::lost);
  CHECK(error.text.starts_with("job lost its lease: "));
  CHECK(engine->status("job").last_outcome == "lost");
}

TEST_CASE("a lease that was removed is lost, and the next run has a greater fence") {
  const Place place;
  const auto engine = place.connect();
  const ConditionContext context("job", ConditionalLock(*engine), {.lease = 1s});
  place.unlock("job", true);
  CHECK(eventually([&] { return context.lost(); }));
  const ConditionContext next("job", ConditionalLock(*engine));
  CHECK(next.success());
  CHECK(next.fence() > context.fence());
}

TEST_CASE("a success that was superseded before anybody noticed is not recorded as one") {
  const Place place;
  const auto engine = place.connect();
  ConditionContext context("job", ConditionalLock(*engine));
  place.unlock("job", true);
  Error error;
  context.finish(Outcome::success, {}, error);
  CHECK(error.code == Errc::superseded);
  CHECK_FALSE(engine->status("job").last_success_end.has_value());
}

TEST_CASE(
    "when the server is gone, a context is lost before its lease can be taken, and never blocks for longer than told") {
  Place place;
  if (place.server() == nullptr) return;  // a directory does not go away; the other engine's run of this test does it
  const auto engine = place.connect({.timeout = 3s});
  ConditionContext context("job", ConditionalLock(*engine), {.lease = 4s, .record_timeout = 500ms});
  const auto granted = Clock::now();
  std::atomic<bool> told{false};
  const std::stop_callback callback(context.stop_token(), [&] { told = true; });

  SUBCASE("it was killed") { place.server()->kill(); }
  SUBCASE("it is frozen") { kill(place.server()->pid(), SIGSTOP); }

  // The lease, by the clock of the one who may take it: nobody who asks after its end hears that it is held.
  auto held_at = granted;
  for (auto now = Clock::now(); !context.lost(); now = Clock::now()) {
    held_at = now;
    std::this_thread::sleep_for(1ms);
  }
  CHECK(held_at - granted < 4s);
  CHECK(context.lost_reason() == "the lease could not be renewed in time");
  CHECK(context.remaining() == 0ms);
  CHECK(eventually([&] { return told.load(); }));

  Error error;
  const auto asked = Clock::now();
  context.finish(Outcome::success, {}, error);
  CHECK(Clock::now() - asked < 10s);
  CHECK(error.code == Errc::lost);
  CHECK_FALSE(ConditionContext("other", ConditionalLock(*engine), {}, error).success());
  CHECK(error.code == Errc::unreachable);
  CHECK(error.text.starts_with("other was not run: "));
  if (place.server()->pid() > 0) kill(place.server()->pid(), SIGCONT);
}

TEST_CASE("an outage that is shorter than the lease loses nothing") {
  Place place;
  if (place.server() == nullptr) return;  // as above
  const auto engine = place.connect();
  ConditionContext context("job", ConditionalLock(*engine), {.lease = 6s});
  kill(place.server()->pid(), SIGSTOP);
  std::this_thread::sleep_for(2s);
  kill(place.server()->pid(), SIGCONT);
  std::this_thread::sleep_for(5s);
  CHECK_FALSE(context.lost());
  context.finish(Outcome::success);
}

TEST_CASE("a server that accepts and says nothing ends every call in time, with an error") {
  const SilentServer server;
  const auto engine = connect("unix://" + server.path(), {.timeout = 300ms});
  const ConditionalLock lock(*engine);
  Error error;
  const auto began = Clock::now();
  const ConditionContext context("job", lock, {}, error);
  CHECK(error.code == Errc::unreachable);
  CHECK(context.decision().kind == Decision::Kind::failed);
  engine->status("job", error);
  CHECK(error.code == Errc::unreachable);
  lock.check("job", 1, error);
  CHECK(error.code == Errc::unreachable);
  engine->touch("job", Outcome::success, error);
  CHECK(error.code == Errc::unreachable);
  CHECK_THROWS_AS(static_cast<void>(ConditionContext("job", lock)), Exception);
  CHECK(Clock::now() - began < 20s);  // five calls of 300 ms; a machine may stall
}

TEST_CASE("nothing listens: the error says so") {
  const auto engine = connect("unix:///nonexistent/redis.sock");
  Error error;
  const ConditionContext context("job", ConditionalLock(*engine), {}, error);
  CHECK(error.code == Errc::unreachable);
  CHECK(error.text.find("cannot connect to /nonexistent/redis.sock") != std::string::npos);
}

TEST_CASE("lost stays true once it was told, even if a renewal came just then") {
  const Place place;
  const auto engine = place.connect();
  ConditionContext context("job", ConditionalLock(*engine), {.lease = 1s});
  // With the process stopped for longer than the lease, the clock alone decides.
  const pid_t watcher = fork();
  if (watcher == 0) {
    kill(getppid(), SIGSTOP);
    std::this_thread::sleep_for(1500ms);
    kill(getppid(), SIGCONT);
    _exit(0);
  }
  std::this_thread::sleep_for(1600ms);
  waitpid(watcher, nullptr, 0);
  CHECK(context.lost());
  std::this_thread::sleep_for(300ms);
  CHECK(context.lost());
  Error error;
  context.finish(Outcome::success, {}, error);
  CHECK(error.code == Errc::lost);
}

TEST_CASE("after fork, the run stays the parent's") {
  Place place;
  auto engine = place.connect();
  std::optional<ConditionContext> context(std::in_place, "job", ConditionalLock(*engine), ContextOptions{.lease = 6s});
  engine->touch("warm");  // leaves an idle connection
  const pid_t child = fork();
  if (child == 0) {
    Error error;
    const bool is_lost = context->lost() && context->remaining() == 0ms;
    context->finish(Outcome::success, {}, error);
    const bool is_refused =
        error.code == Errc::invalid && error.text == "after fork(), the run of job belongs to the parent";
    engine->status("job", error);
    const bool must_connect = error.code == Errc::invalid;
    context.reset();
    engine.reset();
    const auto own = place.connect();
    const std::int64_t live = own->status("job", error).live();
    // SQLite's locks came along: the child has to exec first.
    const bool can_connect = place.server() != nullptr ? live == 1 : error.code == Errc::local;
    _exit(is_lost && is_refused && must_connect && can_connect ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  const auto lease_end = [&] { return engine->status("job").holders.at(0).until; };
  const auto before = lease_end();
  CHECK(eventually([&] { return lease_end() > before; }));  // the child has not ended the renewals
  CHECK_FALSE(context->lost());
  context->finish(Outcome::success);
  CHECK(engine->status("job").last_outcome == "success");
}

TEST_CASE("finish in a callback of the stop token is refused, and the run can be finished later") {
  const Place place;
  const auto engine = place.connect();
  ConditionContext context("job", ConditionalLock(*engine), {.lease = 1s});
  Error inside;
  std::atomic<bool> told{false};
  const std::stop_callback callback(context.stop_token(), [&] {
    context.finish(Outcome::success, {}, inside);
    told = true;
  });
  place.unlock("job", false);
  REQUIRE(eventually([&] { return told.load(); }));
  CHECK(inside.text == "finish() must not be called by a callback of stop_token()");
  Error error;
  context.finish(Outcome::failure, {}, error);
  CHECK(error.code == Errc::lost);
}

TEST_CASE("the library leaves the process as it is") {
  const auto actions = [] {
    std::vector<void (*)(int)> found;
    for (int signal = 1; signal < 32; ++signal) {
      struct sigaction action {};
      sigaction(signal, nullptr, &action);
      found.push_back(action.sa_handler);
    }
    return found;
  };
  const auto before = actions();
  const mode_t mask = umask(022);
  {
    const Place place;
    const auto engine = place.connect();
    const ConditionContext context("job", ConditionalLock(*engine));
    CHECK(context.success());
  }
  CHECK(umask(mask) == 022);
  CHECK((actions() == before));  // doctest does not print functions
}

TEST_CASE("a child that was forked before any database was open can use file:") {
  const support::TemporaryDirectory directory;
  const std::string url = "file:" + directory.path() + "/state";
  { const ConditionContext context("job", ConditionalLock(*connect(url))); }
  const pid_t child = fork();
  if (child == 0) _exit(connect(url)->status("job").runs == 1 ? 0 : 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a limit on the size of files is an error with file:, and does not end the program") {
  const support::TemporaryDirectory directory;
  const auto engine = connect("file:" + directory.path() + "/state");
  engine->touch("job");
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{1, 1};
    setrlimit(RLIMIT_FSIZE, &limit);
    Error touched;
    engine->touch("job", Outcome::success, touched);  // refused: an Engine of the parent
    const auto own = connect("file:" + directory.path() + "/state");
    Error error;
    own->touch("job", Outcome::success, error);
    const ConditionContext context("job", ConditionalLock(*own), {}, touched);
    sigset_t pending;
    sigpending(&pending);
    _exit(error && touched && sigismember(&pending, SIGXFSZ) == 0 ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("without a descriptor or a thread, a context fails with one type of error, and holds nothing") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  Error error;

  SUBCASE("no thread") {
    pthread_attr_t normal;
    pthread_getattr_default_np(&normal);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 46U);  // more than any machine gives
    REQUIRE(pthread_setattr_default_np(&huge) == 0);
    CHECK_THROWS_AS(static_cast<void>(ConditionContext("job", lock)), Exception);
    const ConditionContext context("job", lock, {}, error);
    pthread_setattr_default_np(&normal);
    CHECK(error.code == Errc::local);
    CHECK(error.text.starts_with("job was not run: cannot start a thread: "));
    CHECK(context.decision().text == error.text);
  }
  SUBCASE("no descriptor") {
    engine->status("job");
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    const util::Fd next(dup(0));
    const rlimit none{static_cast<rlim_t>(next.get()) + 1, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    const ConditionContext context("job", lock, {}, error);
    Error thrown;
    try {
      const ConditionContext second("job", lock);
    } catch (const Exception& exception) {
      thrown = exception.error();
    }
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK(error.code == Errc::local);
    CHECK(error.text.starts_with("job was not run: cannot make an eventfd: "));
    CHECK(thrown.code == Errc::local);
  }
  const ConditionContext context("job", lock, {}, error);
  CHECK(context.success());
  CHECK(engine->status("job").live() == 1);
}

TEST_CASE("a context that is over keeps no descriptor") {
  const Place place;
  const auto engine = place.connect();
  const ConditionalLock lock(*engine);
  { const ConditionContext warm("job", lock); }
  const util::Fd before(dup(0));
  std::vector<ConditionContext> over;
  for (int i = 0; i < 5; ++i) {
    over.emplace_back("job", lock);
    over.back().finish(Outcome::success);
    over.emplace_back("refused", ConditionalLock(*engine).add(AccessedPrior{"never", 1s}));
  }
  const util::Fd after(dup(0));
  CHECK(after.get() == before.get() + 1);
}

TEST_CASE("other threads may ask a context while it is finished") {
  const Place place;
  const auto engine = place.connect();
  ConditionContext context("job", ConditionalLock(*engine), {.lease = 1s});
  std::atomic<bool> done{false};
  std::thread watcher([&] {
    while (!done) {
      static_cast<void>(context.lost() && context.success() && context.remaining() > 0ms);
      static_cast<void>(context.lost_reason().size() + static_cast<std::size_t>(context.fence()));
    }
  });
  std::this_thread::sleep_for(50ms);
  context.finish(Outcome::success);
  done = true;
  watcher.join();
  CHECK(context.lost());
}
