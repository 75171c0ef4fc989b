// Looks again after a while, as the link of the page does.
"use strict";
setTimeout(() => location.reload(), 3000);
