"""Other queues, as a user who read their documentation would run them: workers that say when a job began."""
