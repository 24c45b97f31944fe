// process::Signals blocks signals for the rest of the process, so these tests have their own executable.
#define DOCTEST_CONFIG_IMPLEMENT
#define DOCTEST_CONFIG_NO_POSIX_SIGNALS
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include <csignal>

#include "process/processes.hpp"

namespace {

std::set<int> descriptors_at_start;

// Commands then get their own process group, wherever the tests are started.
void give_up_terminal() {
  const condolock::util::Fd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal) return;
  signal(SIGHUP, SIG_IGN);  // the session's leader gets it when it gives up the terminal
  ioctl(terminal.get(), TIOCNOTTY);
}

}  // namespace

namespace support {

condolock::process::Signals& signals() {
  static condolock::process::Signals all;
  return all;
}

const std::set<int>& descriptors_of_our_caller() { return descriptors_at_start; }

}  // namespace support

int main(int argc, char** argv) {
  descriptors_at_start = support::inheritable_descriptors();
  give_up_terminal();
  support::reset_signals();
  support::signals();
  doctest::Context context(argc, argv);
  return context.run();
}
