// The rank units of an evaluation's subjects: which stacks there are, and which lie on the device at the moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/cancel.h"
#include "core/error.h"
#include "eval/request.h"
#include "model/config.h"
#include "model/unit_stack.h"
#include "ops/device.h"

namespace amalgam::eval {

/// Where a subject's units are: a stack (-1 for the base model alone) and its set of coefficients.
struct StackPlace {
  std::int32_t stack = -1;
  std::int32_t set = 0;
};

/// Subjects with the same adapters in the same order share a stack, and differ in their set. A stack holds the units of
/// no other adapters: the numbers of a subject then do not depend on what else is evaluated, and nothing is computed in
/// vain.
class Stacks {
 public:
  /// Reads the headers of all adapters' files. Throws the Errors of damaged files, "tensor-missing", "shape-mismatch",
  /// "adapter-other-base". The request must outlive the stacks.
  Stacks(const Request& request, const model::Config& config, const ops::Device& device,
         const core::CancelToken& cancel);

  StackPlace place(std::int32_t subject) const { return places_[static_cast<std::size_t>(subject)]; }
  /// Planned bytes of every stack.
  const std::vector<std::size_t>& bytes() const { return bytes_; }

  /// Most bytes of stacks on the device at a time; at least the largest stack.
  void limit(std::size_t most_bytes) { most_bytes_ = most_bytes; }
  /// How many pairs will use each stack; after the last of them its memory is released.
  void expect(std::int32_t stack, std::int64_t pairs) { expected_[static_cast<std::size_t>(stack)] += pairs; }

  /// Whether the stack lies on the device or fits beside those that do.
  bool fits(std::int32_t stack) const;
  /// The stack, read if need be, or nullptr when a factor of it is not finite: see failure(). Throws the Errors of
  /// reading.
  const model::UnitStack* load(ops::Device& device, std::int32_t stack, const core::CancelToken& cancel);
  const core::Error& failure(std::int32_t stack) const { return *states_[static_cast<std::size_t>(stack)].failure; }
  /// One pair less will use the stack.
  void done(std::int32_t stack);

 private:
  struct Description {
    std::vector<std::int32_t> adapters;
    std::vector<model::Coefficients> sets;
  };
  struct State {
    std::unique_ptr<model::UnitStack> units;
    std::optional<core::Error> failure;
  };

  const Request& request_;
  const model::Config& config_;
  std::vector<Description> descriptions_;
  std::vector<StackPlace> places_;
  std::vector<std::size_t> bytes_;
  std::vector<std::int64_t> expected_;
  std::vector<State> states_;
  std::size_t most_bytes_ = 0;
  std::size_t loaded_bytes_ = 0;
};

}  // namespace amalgam::eval
