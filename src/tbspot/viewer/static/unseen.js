// The page of a film that could not be read: there is nothing to see, only where to go.

import { onKeys, WAYS } from "./keys.js";

onKeys(WAYS);
