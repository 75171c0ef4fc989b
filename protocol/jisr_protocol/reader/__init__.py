"""The rim around the protocol: fetches a feed, checks it and keeps a verified copy (extra `reader`)."""
