// Rotary positions in a config.json, in the spellings of transformers 4 and 5.
#pragma once

#include <cstdint>

#include "model/config.h"
#include "model/config_field.h"

namespace amalgam::model {

struct RopeFacts {
  double theta = 10000;
  RopeScaling scaling;
};

/// Reads rope_parameters (transformers 5), or rope_theta and rope_scaling with "rope_type" or the older "type" (4).
/// Where both are, rope_scaling counts, as in transformers 5. Throws Error "config-unsupported" for scalings other than
/// linear and llama3, for heads rotated in part and for frequencies per kind of layer; "config-invalid".
RopeFacts parse_rope(const ConfigObject& config, std::int64_t max_positions);

}  // namespace amalgam::model
