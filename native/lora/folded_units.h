// Units whose scale lies in their vectors.
#pragma once

#include "lora/rank_units.h"

namespace amalgam::lora {

/// The same updates with c = 1: sqrt|c| in both halves of a unit, the sign in b. Units of c = 0 are left out.
RankUnits folded_units(RankUnits units);

}  // namespace amalgam::lora
