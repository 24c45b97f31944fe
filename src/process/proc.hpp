// Processes as /proc shows them. System calls only, see system_call.hpp.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "process/system_call.hpp"

namespace condolock::process {

class Descriptor {
 public:
  explicit Descriptor(long fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) system_call(SYS_close, fd_);
  }
  long get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  long read(char* into, std::size_t size) const {
    return system_call(SYS_read, fd_, address_of(into), static_cast<long>(size));
  }

 private:
  long fd_;
};

struct Entry {
  pid_t pid;
  pid_t parent;
  pid_t group;
  pid_t session;
  char state;
  bool alive;
  bool member;  // for the caller, to mark processes
};

// Reads a decimal number and moves `at` past it. -1: there is none.
pid_t number_at(const char*& at, const char* end);

long open_at(long directory, const char* path, int flags);
// Opens /proc, if it shows our own PID namespace; otherwise its numbers would name other processes. An error is negative.
long open_proc();
// False: the process is gone, or it cannot be looked at.
bool read_stat(long proc, pid_t pid, Entry& entry);

// All processes, in ascending order. The table has memory of its own.
class Table {
 public:
  Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  ~Table();

  // False: there is no /proc, or no descriptor is left.
  bool read();
  const Entry* find(pid_t pid) const;
  Entry* begin() const { return entries_; }
  Entry* end() const { return entries_ + count_; }

 private:
  Entry* entries_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::size_t count_ = 0;
};

}  // namespace condolock::process
