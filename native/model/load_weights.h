// Filling the weights of a model, from files or at random.
#pragma once

#include <cstdint>

#include "core/cancel.h"
#include "core/progress.h"
#include "model/checkpoint.h"
#include "model/weights.h"
#include "ops/device.h"

namespace amalgam::model {

/// Reads every weight once, on several threads, straight into its place where the device stores it as the file does.
/// Progress counts bytes in the stage "loading". Throws the errors of reading and allocating, "file-changed",
/// "cancelled".
Weights load_weights(ops::Device& device, const Checkpoint& checkpoint, core::Progress& progress,
                     const core::CancelToken& cancel);

/// Weights for measuring speed: matrices uniform with the deviation 0.02 that models start from, norms 1, biases 0.
Weights random_weights(ops::Device& device, const Config& config, core::DType type, std::uint64_t seed);

}  // namespace amalgam::model
