#pragma once

#include <string>

#include "util/fd.hpp"

namespace support {

// During its lifetime, a pipe replaces a descriptor such as standard error. Write less than a pipe holds: 64 KiB.
class CapturedDescriptor {
 public:
  explicit CapturedDescriptor(int fd);
  CapturedDescriptor(const CapturedDescriptor&) = delete;
  CapturedDescriptor& operator=(const CapturedDescriptor&) = delete;
  ~CapturedDescriptor();

  // What was written since the last call.
  std::string text() const;

 private:
  int fd_;
  condolock::util::Fd original_;
  condolock::util::Fd reader_;
};

}  // namespace support
