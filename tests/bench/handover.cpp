// How fast a lease goes from one waiter to the next: many real runs in one process, each with the state machine, an engine
// and a connection, against a real server. Only the command is replaced, by a timer.
// handover URL WAITERS HANDOVERS
// Prints waiters, the median and the 99th percentile of the time from the end of one command to the start of the next (ms),
// and how many commands the server got from its clients for each.
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/redis/redis_engine.hpp"
#include "run/run.hpp"
#include "util/random.hpp"

using namespace condolock;

namespace {

constexpr Millis hold{5};

struct Bench {
  std::size_t waiters;
  std::size_t wanted;
  std::vector<double> handovers;  // ms
  std::size_t asleep = 0;
  std::optional<Instant> ended;   // the last command, while no other has started
  bool released = false;          // the first holder waits for all others to sleep
  std::vector<std::size_t> done;  // runs that have ended and are to begin again
};

class Waiter {
 public:
  Waiter(Bench& bench, const engine::redis::Target& target, std::size_t number)
      : bench_(bench), engine_(target), number_(number) {}

  void begin() {
    run::Plan plan;
    plan.attempt.job = {"bench", std::to_string(getpid())};  // an earlier run's key may still be held
    plan.attempt.token = util::random_token();
    plan.attempt.who = "1 bench";
    plan.attempt.lease = Millis(60'000);
    plan.wait.reset();
    plan.seed = number_;
    run_.emplace(plan);
    feed(run::event::Begin{});
  }

  std::optional<Instant> wake() const {
    return util::earlier(util::earlier(engine_.interest().wake, run_->next_tick()), ends_);
  }
  engine::Interest interest() const { return engine_.interest(); }
  bool is_holding() const { return ends_.has_value(); }
  void end_now() { ends_ = BootClock::now(); }

  void advance(short revents) {
    const Instant now = BootClock::now();
    if (ends_ && now >= *ends_) {
      ends_.reset();
      bench_.ended = now;
      feed(run::event::ChildExited{0});
      feed(run::event::TreeEmpty{});
    }
    if (const auto due = run_->next_tick(); due && now >= *due) feed(run::event::Tick{});
    if (auto reply = engine_.advance(revents, now)) feed(run::event::Replied{*std::move(reply)});
  }

 private:
  void feed(const run::Event& first) {
    std::deque<run::Event> events{first};
    while (!events.empty()) {
      for (const run::Action& action : run_->on(events.front(), BootClock::now())) {
        if (const auto* eval = std::get_if<run::action::Eval>(&action)) {
          if (eval->call.wait && !slept_) {
            slept_ = true;
            ++bench_.asleep;
          }
          engine_.start(eval->call, BootClock::now());
        } else if (std::holds_alternative<run::action::Cancel>(action)) {
          engine_.cancel();
        } else if (std::holds_alternative<run::action::Spawn>(action)) {
          const Instant now = BootClock::now();
          if (bench_.ended)
            bench_.handovers.push_back(std::chrono::duration<double, std::milli>(now - *bench_.ended).count());
          bench_.ended.reset();
          ends_ = bench_.released ? now + hold : Instant::max();
          events.emplace_back(run::event::Spawned{});
          events.emplace_back(run::event::Executed{1});
        } else if (const auto* finished = std::get_if<run::action::Done>(&action)) {
          if (finished->exit_code != 0) {
            std::fprintf(stderr, "handover: a run ended with %d\n", finished->exit_code);
            std::exit(1);
          }
          bench_.done.push_back(number_);
        }
      }
      events.pop_front();
    }
  }

  Bench& bench_;
  engine::redis::RedisEngine engine_;
  std::size_t number_;
  std::optional<run::Run> run_;
  std::optional<Instant> ends_;  // end of the command
  bool slept_ = false;
};

// How many commands clients have sent so far, as the server counts them. Commands inside scripts do not count.
long commands(const engine::redis::Target& target) {
  const std::string command =
      "redis-cli -h " + target.host + " -p " + std::to_string(target.port) +
      " INFO commandstats | sed -nE 's/^cmdstat_(evalsha|eval|blpop|auth|select):calls=([0-9]+).*/\\2/p'";
  FILE* pipe = popen(command.c_str(), "r");
  long sum = 0;
  for (long each = 0; pipe != nullptr && std::fscanf(pipe, "%ld", &each) == 1;) sum += each;
  if (pipe != nullptr) pclose(pipe);
  return sum;
}

class Loop {
 public:
  explicit Loop(std::vector<std::unique_ptr<Waiter>>& waiters) : waiters_(waiters), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  // Call after anything that may have changed what a waiter waits for.
  void watch(std::size_t i) {
    wakes_.resize(waiters_.size());
    wakes_[i] = waiters_[i]->wake().value_or(Instant::max());
    const engine::Interest interest = waiters_[i]->interest();
    if (interest.fd < 0) return;
    epoll_event event{};
    event.events = static_cast<std::uint32_t>(interest.events);  // EPOLLIN and POLLIN are the same number
    event.data.u64 = i;
    if (epoll_ctl(epoll_, EPOLL_CTL_MOD, interest.fd, &event) != 0) epoll_ctl(epoll_, EPOLL_CTL_ADD, interest.fd, &event);
  }

  void turn(Bench& bench) {
    const Instant wake = *std::min_element(wakes_.begin(), wakes_.end());
    const auto left = std::clamp<Instant::duration>(wake - BootClock::now(), Instant::duration(0), std::chrono::seconds(1));
    const timespec timeout{left / std::chrono::seconds(1), (left % std::chrono::seconds(1)).count()};
    std::array<epoll_event, 64> events{};
    const int ready = epoll_pwait2(epoll_, events.data(), events.size(), &timeout, nullptr);
    for (int k = 0; k < ready; ++k) {
      const auto i = static_cast<std::size_t>(events[static_cast<std::size_t>(k)].data.u64);
      waiters_[i]->advance(static_cast<short>(events[static_cast<std::size_t>(k)].events));
      watch(i);
    }
    const Instant now = BootClock::now();
    for (std::size_t i = 0; i < wakes_.size(); ++i) {
      if (now < wakes_[i]) continue;
      waiters_[i]->advance(0);
      watch(i);
    }
    // Last, since runs in processes of their own would not delay another's start.
    for (const std::size_t i : std::exchange(bench.done, {})) {
      waiters_[i]->begin();
      watch(i);
    }
  }

 private:
  std::vector<std::unique_ptr<Waiter>>& waiters_;
  int epoll_;
  std::vector<Instant> wakes_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 64;
  const auto target = engine::redis::parse_url(argv[1]);
  if (!target) return 64;
  Bench bench{std::strtoul(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10), {}, 0, {}, false, {}};
  std::vector<std::unique_ptr<Waiter>> waiters;
  Loop loop(waiters);
  for (std::size_t i = 0; i <= bench.waiters; ++i) {
    waiters.push_back(std::make_unique<Waiter>(bench, *target, i));
    waiters.back()->begin();
    loop.watch(i);
    while (i == 0 && !waiters[0]->is_holding()) loop.turn(bench);
  }
  while (bench.asleep < bench.waiters) loop.turn(bench);
  const long before = commands(*target);
  bench.released = true;
  waiters[0]->end_now();
  loop.watch(0);
  while (bench.handovers.size() < bench.wanted) loop.turn(bench);
  const long after = commands(*target);
  std::sort(bench.handovers.begin(), bench.handovers.end());
  const std::size_t count = bench.handovers.size();
  std::printf("%4zu waiters  %8.3f ms median  %8.3f ms p99  %6.2f commands\n", bench.waiters, bench.handovers[count / 2],
              bench.handovers[count * 99 / 100], static_cast<double>(after - before) / static_cast<double>(count));
}
