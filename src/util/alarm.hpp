// Wakes a poll at an Instant. The timeout of poll() stops while the machine is suspended, but a lease does not.
#pragma once

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "util/clock.hpp"
#include "util/fd.hpp"

namespace condolock::util {

class Alarm {
 public:
  // Throws std::system_error if there is no descriptor left.
  Alarm() : fd_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "timerfd");
  }

  // Becomes readable at the time that was set last.
  int fd() const { return fd_.get(); }

  // None: never.
  void set(std::optional<Instant> at) {
    if (at == set_) return;
    set_ = at;
    itimerspec spec{};  // all zero disarms the timer
    if (at) {
      const auto since_boot = std::max(at->time_since_epoch(), BootClock::duration(1));
      spec.it_value.tv_sec = since_boot / std::chrono::seconds(1);
      spec.it_value.tv_nsec = (since_boot % std::chrono::seconds(1)).count();
    }
    timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

 private:
  Fd fd_;
  std::optional<Instant> set_;
};

}  // namespace condolock::util
