// Processes of the harness itself, and the memory that they share.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace chaos {

// Memory shared by all processes forked from now on. A T of zero bytes must be valid. Exits with 71 if there is no memory.
template <class T>
T* shared(std::size_t count) {
  void* room = mmap(nullptr, sizeof(T) * count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) {
    std::perror("chaos: mmap");
    std::exit(71);
  }
  return static_cast<T*>(room);  // zero bytes are a valid T
}

// Forks a process that runs `what` and then ends. Exits with 71 if the fork fails.
pid_t in_a_process(const auto& what) {
  const pid_t pid = fork();
  if (pid < 0) {
    std::perror("chaos: fork");
    std::exit(71);
  }
  if (pid == 0) {
    what();
    std::fflush(nullptr);
    _exit(0);
  }
  return pid;
}

}  // namespace chaos
