/// @file
/// The whole library: guards a piece of work, across machines, with conditions and a lease.
///
/// @mainpage condolock
/// Start with ConditionContext. docs/library.md says when to use the library and when the command.
#pragma once

#include "condolock/condition_context.hpp"
#include "condolock/conditional_lock.hpp"
#include "condolock/conditions.hpp"
#include "condolock/engine.hpp"
#include "condolock/error.hpp"
#include "condolock/status.hpp"
