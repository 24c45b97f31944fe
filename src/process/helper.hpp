// A short-lived process of our own, for work that can't be interrupted or bounded in any other way.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "util/fd.hpp"

namespace condolock::process {

// Forks; the child runs `work`, writes what it returns to a pipe and ends. It dies with us, and with this object.
class Helper {
 public:
  explicit Helper(const std::function<std::string()>& work);
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper();

  // Readable when there is something for result() to do.
  int fd() const { return pipe_.get(); }
  // All that the work returned, once it has; empty also if the process died before.
  std::optional<std::string> result();

 private:
  pid_t pid_ = -1;
  Fd pipe_;
  std::string text_;
};

}  // namespace condolock::process
