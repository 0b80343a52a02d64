// Looks again while votes are still being counted; without this file a reload does the same.
if (document.querySelector("[data-behind]")) {
  setTimeout(() => location.reload(), 500);
}
