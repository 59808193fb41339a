package WebhookTest;

# Test::Nginx::Socket with this project's habits:
#
#     use lib 't/lib';
#     use WebhookTest 'no_plan';
#
#     repeat_each(2);
#     run_tests();
#
# - Server root and ports are those of ServerRoot.pm.  $TEST_NGINX_SERVER_PORT
#   is the first of the ports, $TEST_NGINX_PORT_1 to _9 the others.
#
# - Nothing may be in the error log, from [error] up, that the block does not
#   expect:
#     * an [error] or [crit] line fails the block unless one of the block's
#       error_log patterns matches it; a block with a no_error_log section of
#       its own decides about these two levels itself;
#     * an [alert] or [emerg] line fails the block unless the error_log
#       section names that level ("[alert]"); a block with must_die has to
#       have an [emerg], and needs not name it.
#
# - Alerts come late as well: at a worker's exit, or after the last look at
#   the log.  They are also written to <server root>.alert.log, which outlives
#   the block, and which util/test looks at when all is done.
#
# - The log level is info, or $TEST_NGINX_LOG_LEVEL.  master_on(), workers(),
#   use_hup(), --- http2 and the rest are Test::Nginx's.

use ServerRoot ();

BEGIN {
    $ENV{TEST_NGINX_SERVROOT} = $ServerRoot::Root;
    $ENV{TEST_NGINX_SERVER_PORT} = ServerRoot::port(0);
    $ENV{"TEST_NGINX_PORT_$_"} = ServerRoot::port($_) for 1 .. 9;
}

use Test::Nginx::Socket -Base;

log_level($ENV{TEST_NGINX_LOG_LEVEL} || 'info');
no_long_string();

# A new binary started by a running one would know nothing of these.
env_to_nginx('UBSAN_OPTIONS', 'LSAN_OPTIONS');


# Test::Nginx takes "http2 on" for older than it is: nginx knows it since
# 1.25.1, and before that "listen ... http2".
{
    no warnings 'redefine';

    my $write = \&Test::Nginx::Util::write_config_file;

    *Test::Nginx::Util::write_config_file = sub ($$$) {
        my $version = $Test::Nginx::Util::NginxVersion;
        local $Test::Nginx::Util::NginxVersion
            = $version < 1.025001 ? 1.019008 : $version;
        $write->(@_);
    };
}


# a section's patterns, which are lines of text, a regexp or a list
my $patterns = sub ($) {
    my $section = shift;

    return () if !defined $section;
    return @$section if ref $section eq 'ARRAY';
    return $section if ref $section;
    return grep { length } split /\n+/, $section;
};


add_block_preprocessor(sub {
    my $block = shift;

    my @expected = $patterns->($block->error_log);
    my @refused = $patterns->($block->no_error_log);
    my $must_die = defined $block->must_die;

    my $any = join '|', map { ref $_ ? $_ : quotemeta $_ } @expected;
    my $named = join ' ', @expected;

    # Said once, in the log: the copy on the terminal would look like trouble.
    if ($must_die) {
        $block->set_value('error_log', [@expected, '[emerg]']);
        $block->set_value('suppress_stderr', 1);
    }

    my @loud = grep { $named !~ /\Q[$_/ } 'alert', $must_die ? () : 'emerg';

    if (!defined $block->no_error_log) {
        my $but = $any eq '' ? '' : "(?!.*(?:$any))";
        push @refused, qr/^$but.*\[(?:error|crit)\]/;
    }

    push @refused, map { "[$_]" } @loud;

    $block->set_value('no_error_log', \@refused);

    if (@loud == 2) {
        $block->set_value('main_config',
            "error_log $ServerRoot::AlertLog alert;\n"
            . ($block->main_config // ''));
    }
});
