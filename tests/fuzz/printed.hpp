// Everything that commands print about a record.
#pragma once

#include "cli/output/status_output.hpp"
#include "lock/record.hpp"

namespace fuzz {

// Prints the record in every format, and checks that each is printable and complete.
void check_printed(const condolock::engine::Answered<condolock::lock::Record>& record);
void check_printed(const condolock::lock::History& history);
void check_printed(const condolock::lock::Decision& decision, const std::vector<condolock::lock::Condition>& conditions);
void check_printed(const condolock::engine::Failure& failure);

}  // namespace fuzz
