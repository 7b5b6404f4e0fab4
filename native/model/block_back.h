// One layer of a decoder through the frozen base with units that are learned: forward, keeping what gradients need, and
// backward.
#pragma once

#include <cstdint>

#include "model/learn_linear.h"

namespace amalgam::model {

/// arrays.residuals[layer + 1] = the layer's output from arrays.residuals[layer]; fills the layer's trace.
void run_learning_block(const LearnContext& context, std::int64_t layer);

/// Fills the trace once more from the layer's input, with the same bits.
void retrace_block(const LearnContext& context, std::int64_t layer);

/// Adds the gradients of the units to theirs. arrays.d_residual is the gradient of the output of the layer, and becomes
/// that of its input unless the backward half ends here. Uses up the trace.
void back_block(const LearnContext& context, std::int64_t layer);

}  // namespace amalgam::model
