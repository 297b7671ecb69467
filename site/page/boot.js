// What runs before the page is drawn: a classic script in old syntax, so that old
// browsers run it too.

import './theme.js'
import './fallback.js'
