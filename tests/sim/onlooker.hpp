// Learns what the processes of a scenario do.
#pragma once

#include <cstdint>

#include "run/report.hpp"
#include "sim/scenario.hpp"

namespace condolock::sim {

class Onlooker {
 public:
  Onlooker() = default;
  Onlooker(const Onlooker&) = delete;
  Onlooker& operator=(const Onlooker&) = delete;
  virtual ~Onlooker() = default;
  // A command has started, with a lease unless `fence` is 0.
  virtual void on_command(const RunSpec& run, std::int64_t fence) = 0;
  // No process of the run is alive any more, or the run was let go.
  virtual void on_command_end(const RunSpec& run) = 0;
  virtual void on_report(const RunSpec& run, const run::Report& report) = 0;
  virtual void on_exit(const RunSpec& run, int code) = 0;
};

}  // namespace condolock::sim
