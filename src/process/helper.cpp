#include "process/helper.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace condolock::process {
namespace {

void write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno != EINTR) return;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
}

}  // namespace

Helper::Helper(const std::function<std::string()>& work) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  pipe_ = Fd(ends[0]);
  const Fd write_end(ends[1]);
  fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) write_all(write_end.get(), work());
    _exit(0);
  }
}

Helper::~Helper() {
  // Somebody else here may have reaped it, and then its number may be another's.
  siginfo_t info{};
  if (pid_ <= 0 || waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<std::string> Helper::result() {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = read(pipe_.get(), buffer.data(), buffer.size());
    if (n > 0) {
      text_.append(buffer.data(), static_cast<std::size_t>(n));
    } else if (n == 0) {
      return text_;
    } else if (errno != EINTR) {
      return errno == EAGAIN ? std::nullopt : std::optional(text_);
    }
  }
}

}  // namespace condolock::process
