// The conditions of a ConditionalLock, as the protocol takes them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/shared_engine.hpp"
#include "condolock/conditional_lock.hpp"
#include "lock/condition.hpp"

namespace condolock {

struct ConditionalLock::Impl {
  // The conditions. Throws Exception if one is out of range, or if they exclude each other, so many slots, or
  // `forget_after`.
  std::vector<lock::Condition> checked(std::int64_t slots, Millis forget_after) const;
  // Asks the predicates, in their order. Throws what they throw.
  std::vector<bool> judge() const;

  std::shared_ptr<Engine::Impl> engine;
  std::vector<lock::Condition> all;
  std::vector<std::function<bool()>> predicates;  // one for each Predicate in `all`, in the same order
};

}  // namespace condolock
