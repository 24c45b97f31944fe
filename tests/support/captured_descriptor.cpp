#include "support/captured_descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace support {

CapturedDescriptor::CapturedDescriptor(int fd) : fd_(fd), original_(fcntl(fd, F_DUPFD_CLOEXEC, 3)) {
  std::array<int, 2> ends{};
  if (!original_ || pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot capture a descriptor");
  reader_ = condolock::util::Fd(ends[0]);
  const condolock::util::Fd writer(ends[1]);
  if (fcntl(reader_.get(), F_SETFL, O_NONBLOCK) != 0 || dup2(writer.get(), fd) < 0) {
    throw std::runtime_error("cannot capture a descriptor");
  }
}

CapturedDescriptor::~CapturedDescriptor() { dup2(original_.get(), fd_); }

std::string CapturedDescriptor::text() const {
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t length = read(reader_.get(), buffer.data(), buffer.size());
    if (length <= 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(length));
  }
}

}  // namespace support
