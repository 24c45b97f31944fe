#include "process/tree.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "process/proc.hpp"

namespace condolock::process {
namespace {

long kill_process(pid_t pid, int signal) { return system_call(SYS_kill, pid, signal); }

// Keeps the first such process: one is enough for the message.
void deny(Noted& noted, pid_t pid) {
  pid_t none = 0;
  noted.denied.compare_exchange_strong(none, pid);
}

bool is_spared(const Tree& tree, pid_t pid) {
  for (int i = 0; i < tree.spared_count; ++i) {
    if (tree.spared[i] == pid) return true;
  }
  return pid == tree.root;
}

bool is_session_of(const Tree& tree, const Noted& noted, pid_t session) {
  if (session == tree.session || session == tree.command || noted.every) return true;
  const int count = noted.count;
  for (int i = 0; i < count; ++i) {
    if (noted.sessions[static_cast<std::size_t>(i)] == session) return true;
  }
  return false;
}

bool belongs(const Table& table, const Tree& tree, const Noted& noted, const Entry& each) {
  if (each.pid == tree.command || (tree.group != 0 && each.group == tree.group)) return true;
  if (each.parent == tree.root) return is_session_of(tree, noted, each.session);
  const Entry* parent = table.find(each.parent);
  return parent != nullptr && parent->member;
}

// Repeats until nothing changes, since a child may come before its parent in the table.
void mark(const Table& table, const Tree& tree, const Noted& noted) {
  for (bool changed = true; changed;) {
    changed = false;
    for (Entry& each : table) {
      if (each.member || is_spared(tree, each.pid) || !belongs(table, tree, noted, each)) continue;
      each.member = true;
      changed = true;
    }
  }
}

void note(const Tree& tree, Noted& noted, const Table& table) {
  for (const Entry& each : table) {
    if (!each.member || is_session_of(tree, noted, each.session)) continue;
    const int count = noted.count;
    if (count == Noted::max_sessions) {
      noted.every = true;
      return;
    }
    noted.sessions[static_cast<std::size_t>(count)] = each.session;
    noted.count = count + 1;
  }
}

long signal_and_continue(pid_t pid, int signal) {
  const long result = kill_process(pid, signal);
  if (signal != SIGKILL && signal != SIGCONT && signal != 0) kill_process(pid, SIGCONT);
  return result;
}

// Returns how many were alive and could be signalled.
int signal_members(const Tree& tree, Noted& noted, const Table& table, int signal, Reach reach) {
  int reached = 0;
  if (tree.group != 0 && reach == Reach::all) signal_and_continue(-tree.group, signal);
  for (const Entry& each : table) {
    if (!each.member || !each.alive) continue;
    const bool by_group = tree.group != 0 && each.group == tree.group;
    if (by_group && reach == Reach::not_its_group) continue;
    const long result = by_group ? kill_process(each.pid, 0) : signal_and_continue(each.pid, signal);
    if (result == -EPERM) deny(noted, each.pid);
    if (result == 0) ++reached;
  }
  return reached;
}

void sleep_a_millisecond() {
  timespec time{0, 1'000'000};
  system_call(SYS_nanosleep, address_of(&time), 0);
}

// Whether a child of `root` belongs to the run and is alive. A child that has ended is reaped, and sets `reaped`.
Rest child_of_root(long proc, const Tree& tree, Noted& noted, pid_t pid, bool& reaped) {
  if (pid == tree.command || is_spared(tree, pid)) return Rest::none;
  const long result = system_call(SYS_wait4, pid, 0, WNOHANG, 0);
  reaped = reaped || result > 0;
  if (result != 0) return Rest::none;
  Entry entry{};
  // It lives. A process that can't be looked at counts as one of the run.
  if (read_stat(proc, pid, entry) && !is_session_of(tree, noted, entry.session)) return Rest::none;
  if (kill_process(pid, 0) != -EPERM) return Rest::some;
  deny(noted, pid);
  return Rest::denied;
}

Rest worse(Rest a, Rest b) {
  if (a == Rest::some || b == Rest::some) return Rest::some;
  return a == Rest::denied ? a : b;
}

Rest children_by_table(long proc, const Tree& tree, Noted& noted, bool& reaped) {
  Table table;
  if (!table.read()) return Rest::unknown;
  Rest rest = Rest::none;
  for (const Entry& each : table) {
    if (each.parent == tree.root) rest = worse(rest, child_of_root(proc, tree, noted, each.pid, reaped));
  }
  return rest;
}

Rest children_by_list(long proc, const Tree& tree, Noted& noted, bool& reaped) {
  const Descriptor list(open_at(proc, "thread-self/children", O_RDONLY));
  std::array<char, 4096> text;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  const long size = list.is_open() ? list.read(text.data(), text.size()) : -ENOENT;
  // A list that does not fit must not be read in parts: reaping changes the kernel's position in it.
  if (size < 0 || size > 4000) return children_by_table(proc, tree, noted, reaped);
  Rest rest = Rest::none;
  const char* end = text.data() + size;
  for (const char* at = text.data(); at < end; ++at) {
    const pid_t pid = number_at(at, end);
    if (pid > 0) rest = worse(rest, child_of_root(proc, tree, noted, pid, reaped));
  }
  return rest;
}

// If the kernel gives the orphans to another process, they are found in the command's group or through a living parent.
Rest rest_without_adoption(const Tree& tree, Noted& noted) {
  Table table;
  if (!table.read()) return Rest::unknown;
  mark(table, tree, noted);
  Rest rest = Rest::none;
  for (const Entry& each : table) {
    if (!each.member || !each.alive || each.pid == tree.command) continue;
    rest = worse(rest, kill_process(each.pid, 0) == -EPERM ? Rest::denied : Rest::some);
  }
  return rest;
}

}  // namespace

void note_sessions(const Tree& tree, Noted& noted) {
  Table table;
  if (!table.read()) return;
  mark(table, tree, noted);
  note(tree, noted, table);
}

bool signal_tree(const Tree& tree, Noted& noted, int signal, Reach reach) {
  constexpr int rounds = 20;  // a process in an uninterruptible sleep ends later; more rounds do not help
  Table table;
  for (int round = 0; round < rounds; ++round) {
    if (!table.read()) {
      const pid_t target = tree.group != 0 ? -tree.group : tree.command;
      if (reach == Reach::all && signal_and_continue(target, signal) == -EPERM) deny(noted, tree.command);
      return false;
    }
    mark(table, tree, noted);
    note(tree, noted, table);
    const int reached = signal_members(tree, noted, table, signal, reach);
    if (signal != SIGKILL || reached == 0) return true;
    sleep_a_millisecond();
  }
  return true;
}

Rest rest_of(const Tree& tree, Noted& noted) {
  if (!tree.adopts) return rest_without_adoption(tree, noted);
  const Descriptor proc(open_proc());
  if (!proc.is_open()) return Rest::unknown;
  // A child that has ended may have left a child of its own, which became ours after the list was read.
  for (;;) {
    bool reaped = false;
    const Rest rest = children_by_list(proc.get(), tree, noted, reaped);
    if (rest != Rest::none || !reaped) return rest;
  }
}

bool is_over_without_proc(const Tree& tree) {
  while (system_call(SYS_wait4, -1, 0, WNOHANG, 0) > 0) {
  }
  return tree.group == 0 || kill_process(-tree.group, 0) == -ESRCH;
}

std::size_t children_of_self(pid_t* into, std::size_t size) {
  Table table;
  if (!table.read()) return 0;
  const long self = system_call(SYS_getpid);
  std::size_t count = 0;
  for (const Entry& each : table) {
    if (each.parent == self && count < size) into[count++] = each.pid;
  }
  return count;
}

bool is_stopped(pid_t pid) {
  const Descriptor proc(open_proc());
  Entry entry{};
  return proc.is_open() && read_stat(proc.get(), pid, entry) && (entry.state == 'T' || entry.state == 't');
}

}  // namespace condolock::process
