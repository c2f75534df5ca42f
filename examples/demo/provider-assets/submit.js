// @ts-nocheck: runs in the browser, whose types are not part of this program.
document.querySelector('button[form="op.logoutForm"]').click()
