#include "api/lease_thread.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace condolock::api {
namespace {

util::Fd make_bell() {
  util::Fd bell(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell) throw Shortage("cannot make an eventfd: " + std::string(std::strerror(errno)));
  return bell;
}

// For the thread that starts now: a signal handler of the host must not run on a thread that the host does not know.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

LeaseThread::LeaseThread(run::Plan plan, Judge judge, std::shared_ptr<Engine::Impl> engine,
                         std::shared_ptr<Deadline::State> deadline)
    : guard_(std::move(plan)),
      judge_(std::move(judge)),
      engine_(std::move(engine)),
      connection_(engine_->take()),
      deadline_(std::move(deadline)),
      bell_(make_bell()) {
  try {
    alarm_.emplace();
  } catch (const std::system_error& error) {
    throw Shortage("cannot make a timer: " + error.code().message());
  }
}

void LeaseThread::decide(const std::stop_token& stop) {
  const FileSizeSignalBlocked blocked(engine_->location);
  try {
    drive(stop);
    if (guard_.is_granted()) start();
  } catch (...) {
    call_off();
    throw;
  }
  if (!guard_.is_over()) return;
  end();
  close_descriptors();
}

void LeaseThread::drive(const std::stop_token& stop) {
  const std::stop_callback ring(stop, [this] { eventfd_write(bell_.get(), 1); });
  perform(guard_.begin(BootClock::now()));
  while (!guard_.is_granted() && !guard_.is_over()) turn(stop);
}

void LeaseThread::start() {
  publish();
  const AllSignalsBlocked blocked;
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::system_error& error) {
    throw Shortage("cannot start a thread: " + error.code().message());
  }
  id_ = thread_.get_id();
}

// After an exception: gives back what the engine may hold for this run.
void LeaseThread::call_off() {
  try {
    called_off_ = true;
    perform(guard_.call_off(BootClock::now()));
    while (!guard_.is_over()) turn({});
    end();
  } catch (...) {  // the first exception is the one to tell
    connection_.reset();
  }
  close_descriptors();
}

// One wait, and what follows from its end.
void LeaseThread::turn(const std::stop_token& stop) {
  const engine::Interest interest = connection_->interest();
  alarm_->set(util::earlier(interest.wake, guard_.next_tick()));
  std::array<pollfd, 3> fds{{{bell_.get(), POLLIN, 0}, {alarm_->fd(), POLLIN, 0}, {interest.fd, interest.events, 0}}};
  const int ready = poll(fds.data(), fds.size(), -1);
  if (ready < 0 && errno != EINTR) throw Shortage("cannot poll: " + std::string(std::strerror(errno)));
  eventfd_t rings = 0;
  eventfd_read(bell_.get(), &rings);
  const Instant now = BootClock::now();
  performed_ = false;
  take_requests(stop, now);
  const auto due = guard_.next_tick();
  if (due && now >= *due && !guard_.is_over()) perform(guard_.tick(now));
  if (!guard_.is_over()) {
    // A request may have replaced the call and its connection. Then the event belongs to the old one.
    const short revents = ready < 0 || performed_ ? short{0} : fds[2].revents;
    if (auto reply = connection_->advance(revents, now)) perform(guard_.on_reply(*std::move(reply), now));
  }
  publish();
}

void LeaseThread::take_requests(const std::stop_token& stop, Instant now) {
  if (!guard_.is_granted() && stop.stop_requested() && !std::exchange(called_off_, true)) perform(guard_.call_off(now));
  // Another thread was told that the run is lost, just before this one could renew the lease.
  if (guard_.is_granted() && deadline_->over.load(std::memory_order_acquire)) perform(guard_.lose(now));
  std::optional<int> code;
  {
    const std::lock_guard guard(mutex_);
    code = std::exchange(code_, std::nullopt);
  }
  if (code) perform(guard_.finish(*code, now));
}

void LeaseThread::perform(Guard::Steps steps) {
  performed_ = performed_ || !steps.empty();
  for (Guard::Step& step : steps) {
    if (auto* eval = std::get_if<run::action::Eval>(&step)) connection_->start(std::move(eval->call), BootClock::now());
    if (std::holds_alternative<run::action::Cancel>(step)) connection_->cancel();
    if (!std::holds_alternative<run::action::Judge>(step)) continue;
    std::vector<bool> answers;
    try {
      answers = judge_();
    } catch (...) {
      throw PredicateThrew{std::current_exception()};
    }
    perform(guard_.judged(std::move(answers), BootClock::now()));  // they took time of their own
  }
}

// Tells the other threads what the guard knows.
void LeaseThread::publish() {
  if (!guard_.is_granted()) return;
  deadline_->until.store(guard_.lost_at().time_since_epoch().count(), std::memory_order_release);
  if (!guard_.lost_because().empty()) lost(guard_.lost_because());
}

void LeaseThread::lost(std::string why) {
  {
    const std::lock_guard guard(mutex_);
    if (!lost_because_.empty()) return;
    lost_because_ = std::move(why);
  }
  deadline_->over.store(true, std::memory_order_release);
  lost_.request_stop();
}

void LeaseThread::work() noexcept {
  try {
    while (!guard_.is_over()) turn({});
    end();
  } catch (...) {  // no memory, or a fault in this library
    broken_ = true;
    deadline_->over.store(true, std::memory_order_release);
    try {
      lost("the thread that renews the lease failed");
    } catch (...) {  // no memory: lost() is true all the same
    }
    connection_.reset();
  }
  const std::lock_guard guard(mutex_);
  close_descriptors();
  ended_ = true;
  changed_.notify_all();
}

void LeaseThread::end() {
  deadline_->over.store(true, std::memory_order_release);
  if (guard_.is_over()) engine_->give_back(std::move(connection_));
  connection_.reset();
}

// A context that is over keeps no descriptors.
void LeaseThread::close_descriptors() {
  alarm_.reset();
  bell_.reset();
}

void LeaseThread::finish(int code) {
  deadline_->is_over();  // what the work did after that was too late
  {
    std::unique_lock lock(mutex_);
    code_ = code;
    if (bell_) eventfd_write(bell_.get(), 1);
    changed_.wait(lock, [this] { return ended_; });
  }
  thread_.join();
}

std::string LeaseThread::lost_because() const {
  const std::lock_guard guard(mutex_);
  return lost_because_;
}

}  // namespace condolock::api
