// What an empty list says: why it is empty, and what to do about it.

/** Give [title, help].
 *
 * @param {string} status */
export function emptyWords(box, status, counts) {
  const hasAny = Object.values(counts.all).some((number) => number > 0);
  if (!hasAny) {
    return [
      gettext("No conversations yet"),
      gettext("Install the widget on your site: the first visitor who writes appears here at once."),
    ];
  }
  if (status === "bot") {
    return [gettext("The bot has nothing to answer"), gettext("Questions that the bot is answering stand here until a person takes over.")];
  }
  if (status === "snoozed") {
    return [gettext("Nothing is snoozed"), gettext("Snooze a conversation to have it come back at a time you choose.")];
  }
  if (status === "closed") {
    return [gettext("Nothing is closed yet"), gettext("Conversations you close can be found and reopened here.")];
  }
  if (box === "mine") {
    return [gettext("Nothing waits for you"), gettext("Look under Unassigned for conversations that nobody has taken yet.")];
  }
  return [gettext("All answered"), gettext("New conversations appear here by themselves.")];
}
