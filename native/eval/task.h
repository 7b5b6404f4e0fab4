// A pair of a subject and an item on its way through forward passes.
#pragma once

#include <cstdint>
#include <memory>

#include "core/json.h"
#include "eval/batch.h"
#include "eval/request.h"

namespace amalgam::eval {

/// What a task's sequences have in common.
struct TaskPlace {
  std::int64_t slot = -1;  ///< of the cache, -1 without one
  const model::UnitStack* units = nullptr;
  std::int32_t set = 0;
};

/// Gives sequences to passes until it knows its answer.
class Task {
 public:
  virtual ~Task() = default;

  /// Tokens of the shortest sequence with which it can go on.
  virtual std::int64_t next_tokens() const = 0;
  /// Adds sequences of at most `room` tokens together, which is at least next_tokens().
  virtual void add_to(Batch& batch, std::int64_t room) = 0;
  /// Takes the answers to its wishes of the pass; false when one of them was not finite.
  virtual bool take(const Batch& batch) = 0;
  virtual bool is_done() const = 0;
  /// Adds the answer's members to the line.
  virtual void write_answer(core::Json& line) const = 0;
};

/// Whether the item goes on from a past, and so needs a slot of the cache.
bool needs_slot(const Item& item);

/// Tokens of the longest sequence that the item gives to a pass.
std::int64_t longest_sequence(const Item& item);

/// `item` must outlive the task. `positions` is where the model's positions end.
std::unique_ptr<Task> make_task(const Item& item, TaskPlace place, std::int64_t positions);

}  // namespace amalgam::eval
