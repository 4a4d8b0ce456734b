// Days as the page says them.

/** So many days from now, where the device is. */
export function day(days, language) {
  const form = { day: "numeric", month: "long", year: "numeric", timeZone: "Asia/Jakarta" };
  return new Intl.DateTimeFormat(language === "id" ? "id-ID" : "en-GB", form).format(
    new Date(Date.now() + days * 86_400_000),
  );
}
